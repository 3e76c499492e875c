//! What every suite stands on: target, client, runner, evidence, verdicts
