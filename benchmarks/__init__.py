"""How the bars of bulk scoring are measured: against the limits of the machine and against plain alternatives."""
