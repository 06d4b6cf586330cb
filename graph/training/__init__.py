"""Training: minibatch stochastic gradient descent, with a history and checkpoints."""
