//! What the whole module promises: the limits, hostile input, and real traffic that must pass.
