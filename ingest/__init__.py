"""The conveyor: from accepted envelope to stored and judged facts."""
