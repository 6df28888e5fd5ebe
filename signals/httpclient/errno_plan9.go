package httpclient

// resets are told by texts only on this system.
var resets []error
