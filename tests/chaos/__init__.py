"""What goes wrong between the gateway and Cuebot, made to go wrong, under a load that is checked.

`make chaos` runs every fault and prints what became of the calls; then clients ask for views that
take all they can. `make soak` lets the gateway work for long. Short forms are ordinary tests.
"""
