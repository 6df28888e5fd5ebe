// Package response has what the responders share: the [Card] that says an incident to people, and the [Poster] that sends
// it within bounds. Each folder is one way of responding.
//
//	logging       one structured record
//	webhook       signed JSON to a receiver of one's own
//	feishu slack dingtalk   a card in a chat
//	alertmanager  alerts, with their end
//	crash         ends the process with every stack, within a limit
//	quarantine    a report to the operator of the cluster
package response
