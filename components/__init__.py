"""TFX and Beam building blocks: records, jobs, evaluation."""
