"""Multi-omics: tables of patients → similarity graphs → nodes of a class tree, with omics and labels missing anywhere."""
