"""From a department's sample messages to a draft of its adapter document; a person confirms every line."""
