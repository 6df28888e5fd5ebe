package connrefused

import "errors"

// What the system says, which has no numbers for it.
var errReset, errRefused = errors.New("connection reset"), errors.New("connection refused")
