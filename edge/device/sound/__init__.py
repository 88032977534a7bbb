"""From a wav file to the uint8 picture that a network takes: host, service and devices all go through here."""
