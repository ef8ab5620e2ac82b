-- Servers take new counters every second, with numbers of slots above these. This finds them, to add them up.
CREATE INDEX counters_parts ON counters (slot) WHERE slot >= 65536;
