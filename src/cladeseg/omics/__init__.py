"""Multi-omics: tables of patients → similarity graphs → nodes of a class tree; omics and labels may be missing."""
