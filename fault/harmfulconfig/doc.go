// Package harmfulconfig lets a service find values in its configuration file that are valid and do harm: a pool of one, a
// timeout of a millisecond, a switch thrown, an empty list. That is the largest class of public post-mortems.
//
// It stands between the file and its reader, defense/hotconfig, so the file itself is never touched. It looks for a value of
// the kind that it is to change, by the text; a file in which there is none is left alone, and the witness says so.
package harmfulconfig
