"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("viewer-data").textContent);
  const status = byId("viewer-status");
  const canvas = byId("viewer-canvas");
  let viewer = null;
  let shown = []; // layers in the order of viewer.volumes, after the image
  let flicker = null;

  const say = (text) => { status.textContent = text; };

  async function program() {
    const bytes = Uint8Array.from(atob(byId("niivue-program").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.niivue;
  }

  async function open() {
    if (!document.createElement("canvas").getContext("webgl2")) {
      say("This browser has no WebGL 2, so the volumes cannot be shown. The pictures above show the same cases.");
      return;
    }
    say("Loading …");
    const { Niivue } = await program();
    viewer = new Niivue({ backColor: [0, 0, 0, 1], show3Dcrosshair: true, isColorbar: false, multiplanarForceRender: true,
      dragAndDropEnabled: false, loadingText: "", crosshairWidth: 0.3, multiplanarLayout: 2, logLevel: "error",
      isRadiologicalConvention: true, sagittalNoseLeft: true });
    await viewer.attachToCanvas(canvas);
    viewer.setInterpolation(false);
    byId("viewer-open").hidden = true;
    await load();
  }

  async function load() {
    if (!viewer) return;
    const found = data.cases[byId("viewer-case").value];
    for (const volume of [...viewer.volumes]) viewer.removeVolume(volume);
    const NVImage = window.niivue.NVImage;
    shown = [];
    const names = ["image", "truth", "prediction", "uncertainty"].filter((name) => found.volumes[name]);
    for (const name of names) {
      const colormap = name === "uncertainty" ? "warm" : "gray";
      const volume = await NVImage.loadFromBase64({ base64: found.volumes[name], name: `${name}.nii.gz`, colormap,
        opacity: 1, ...(name === "uncertainty" ? { cal_min: 1, cal_max: 255 } : {}) });
      viewer.addVolume(volume);
      shown.push(name);
    }
    draw();
    view();
    say(`${found.name} is shown.`);
  }

  function table() {
    const off = new Set();
    for (const box of document.querySelectorAll("[data-node]")) if (!box.checked) off.add(Number(box.dataset.node));
    const lut = data.lut;
    return { ...lut, A: lut.A.map((alpha, place) => (off.has(lut.I[place]) ? 0 : alpha)) };
  }

  function draw() {
    if (!viewer) return;
    const layer = document.querySelector("[name=viewer-layer]:checked").value;
    const uncertain = byId("viewer-uncertainty")?.checked;
    shown.forEach((name, place) => {
      const volume = viewer.volumes[place];
      if (name === "truth" || name === "prediction") {
        volume.setColormapLabel(table());
        volume.opacity = name === layer ? 0.6 : 0;
      } else if (name === "uncertainty") {
        volume.opacity = uncertain ? 0.7 : 0;
      }
    });
    viewer.updateGLVolume();
  }

  function view() {
    if (!viewer) return;
    const kinds = { multiplanar: viewer.sliceTypeMultiplanar, axial: viewer.sliceTypeAxial, coronal: viewer.sliceTypeCoronal,
      sagittal: viewer.sliceTypeSagittal, render: viewer.sliceTypeRender };
    viewer.setSliceType(kinds[byId("viewer-view").value]);
  }

  // A switch of a superclass sets those of all that it holds.
  function toggle(event) {
    const box = event.target;
    for (const leaf of box.dataset.leaves.split(" ")) {
      const other = document.querySelector(`[data-node="${leaf}"]`);
      if (other) other.checked = box.checked;
    }
    for (const other of document.querySelectorAll("[data-node]")) {
      const leaves = other.dataset.leaves.split(" ").map((leaf) => document.querySelector(`[data-node="${leaf}"]`));
      other.checked = leaves.some((leaf) => leaf && leaf.checked);
    }
    draw();
  }

  function setFlicker(on) {
    byId("viewer-flicker").setAttribute("aria-pressed", String(on));
    clearInterval(flicker);
    flicker = on ? setInterval(() => {
      const now = document.querySelector("[name=viewer-layer]:checked").value;
      document.querySelector(`[name=viewer-layer][value=${now === "truth" ? "prediction" : "truth"}]`).checked = true;
      draw();
    }, 700) : null;
  }

  const guarded = (action) => (event) => Promise.resolve(action(event)).catch((error) =>
    say(`The viewer cannot show this: ${error.message}. The pictures above show the same cases.`));
  byId("viewer-open").addEventListener("click", guarded(open));
  byId("viewer-case").addEventListener("change", guarded(load));
  byId("viewer-view").addEventListener("change", view);
  byId("viewer-uncertainty")?.addEventListener("change", draw);
  byId("viewer-flicker")?.addEventListener("click", (event) =>
    setFlicker(event.target.getAttribute("aria-pressed") !== "true"));
  for (const radio of document.querySelectorAll("[name=viewer-layer]")) radio.addEventListener("change", draw);
  for (const box of document.querySelectorAll("[data-node]")) box.addEventListener("change", toggle);
})();
