"use strict";
(() => {
  const rows = [...document.querySelectorAll(".marks tr[data-case]")];
  const key = `cladeseg-marks:${location.pathname}`;
  const read = (row) => ({
    case: row.dataset.case,
    mark: row.querySelector("input[type=radio]:checked")?.value ?? "",
    comment: row.querySelector("input[type=text]").value,
  });

  function keep() {
    try { localStorage.setItem(key, JSON.stringify(rows.map(read))); } catch { /* Some browsers keep nothing for files. */ }
    const marked = rows.filter((row) => read(row).mark).length;
    document.getElementById("marks-status").textContent = `${marked} of ${rows.length} cases are marked.`;
  }

  function restore() {
    let kept = [];
    try { kept = JSON.parse(localStorage.getItem(key) ?? "[]"); } catch { /* As above. */ }
    const byCase = new Map(kept.map((one) => [one.case, one]));
    for (const row of rows) {
      const one = byCase.get(row.dataset.case);
      if (!one) continue;
      for (const radio of row.querySelectorAll("input[type=radio]")) radio.checked = radio.value === one.mark;
      row.querySelector("input[type=text]").value = one.comment;
    }
  }

  // A text that a spreadsheet would take for a formula is quoted by an apostrophe.
  const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

  function save() {
    const lines = [["case", "mark", "comment"], ...rows.map((row) => Object.values(read(row)))];
    const text = lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "marks.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  for (const row of rows) row.addEventListener("input", keep);
  document.getElementById("marks-export").addEventListener("click", save);
  restore();
  keep();
})();
