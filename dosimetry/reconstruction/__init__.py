"""From SPECT projections to activity concentration: projector, iterative reconstruction and scatter."""
