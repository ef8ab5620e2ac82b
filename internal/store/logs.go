package store

// LogDropped is the message of the last line that is kept of a step and attempt.
const LogDropped = "this line and the following ones were dropped: the limit of lines for one step and attempt is reached"
