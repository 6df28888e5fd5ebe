package toolchain

import "github.com/falsifiable/stability/lab/gate"

// kind says what brings a change of behavior into a program.
type kind uint8

const (
	// byLine: the go line of the main module's go.mod, through the GODEBUG defaults or the language version.
	byLine kind = iota
	// byToolchain: whichever Go compiles it, with any go line.
	byToolchain
)

// row is one change of behavior.
type row struct {
	// id is the GODEBUG setting where there is one, else a word of ours.
	id    string
	minor int // since Go 1.minor
	kind  kind
	level gate.Level
	// what changes, and what it does to a program that the place found is in.
	what string
	// keep is the setting that restores the behavior before, empty if there is none.
	keep   string
	source string
	// find looks for the places that make it matter. If there are none, it does not matter in this repository.
	find func(*facts) []place
}

// place is what makes a row matter.
type place struct {
	file   string
	line   int
	detail string // completes "because of …"
}

const (
	godebugHistory = "https://go.dev/doc/godebug#history"
	notes          = "https://go.dev/doc/go1."
)

// table is what a Go upgrade changes for programs, where code or manifests tell whether it concerns this one. Its source is Go's own
// history of GODEBUG settings and the release notes; a test compares it with the settings that the toolchain itself knows.
func table() []row {
	return []row{
		{"panicnil", 21, byLine, gate.Warning, "panic(nil) makes recover return a *runtime.PanicNilError and no longer nil", "panicnil=1", godebugHistory, findPanicNil},
		{"loopvar", 22, byLine, gate.Note, "each turn of a loop has variables of its own: a closure that shared one no longer does", "", notes + "22#language", findLoopClosures},
		{"httpmuxgo121", 22, byLine, gate.Warning, "http.ServeMux reads methods and {wildcards} in patterns, which were literal before", "httpmuxgo121=1", godebugHistory, findMuxPatterns},
		{"tls10server", 22, byLine, gate.Warning, "the lowest TLS version of a server is 1.2: older clients are refused", "tls10server=1", godebugHistory, findTLSServers},
		{"tlsrsakex", 22, byLine, gate.Note, "TLS offers no RSA key exchange: peers that know no other are refused", "tlsrsakex=1", godebugHistory, findTLSConfigs},
		{"asynctimerchan", 23, byLine, gate.Warning, "channels of timers have no buffer: len and cap of them are 0", "asynctimerchan=1", godebugHistory, findTimerLengths},
		{"gotypesalias", 23, byLine, gate.Warning, "go/types makes nodes of type *types.Alias, which a type switch without that case misses", "gotypesalias=0", godebugHistory, findTypeSwitches},
		{"httpservecontentkeepheaders", 23, byLine, gate.Warning, "http.ServeContent and http.ServeFile drop Cache-Control, Content-Encoding, Etag and Last-Modified from errors", "httpservecontentkeepheaders=1", godebugHistory, findServeContent},
		{"tls3des", 23, byLine, gate.Note, "TLS offers no 3DES: peers that know nothing better are refused", "tls3des=1", godebugHistory, findTLSConfigs},
		{"x509negativeserial", 23, byLine, gate.Note, "certificates with a negative serial number are refused", "x509negativeserial=1", godebugHistory, findParseCertificate},
		{"linkname", 23, byToolchain, gate.Warning, "the linker refuses a //go:linkname to a symbol of the standard library that is not marked for it", "", notes + "23#linker", findLinknames},
		{"randseednop", 24, byLine, gate.Warning, "rand.Seed does nothing: sequences that were to repeat no longer do", "randseednop=0", godebugHistory, findRandSeed},
		{"rsa1024min", 24, byLine, gate.Error, "RSA keys below 1024 bits are an error", "rsa1024min=0", godebugHistory, findSmallRSA},
		{"multipathtcp", 24, byLine, gate.Note, "listeners of package net accept Multipath TCP on Linux", "multipathtcp=0", godebugHistory, findListeners},
		{"containermaxprocs", 25, byLine, gate.Error, "GOMAXPROCS follows the CPU limit of the container: a service that had the whole machine's processors gets the limit's. One public incident: 14 became 2, acknowledgments came late, and 275 million messages queued up", "containermaxprocs=0", "https://go.dev/blog/container-aware-gomaxprocs", findCPULimits},
		{"processorsize", 25, byLine, gate.Warning, "in a container with a CPU limit, GOMAXPROCS and what is sized by it are smaller, and may change while the program runs (updatemaxprocs)", "containermaxprocs=0,updatemaxprocs=0", "https://go.dev/blog/container-aware-gomaxprocs", findProcessorSizing},
		{"tlssha1", 25, byLine, gate.Note, "TLS 1.2 refuses signatures with SHA-1", "tlssha1=1", godebugHistory, findTLSConfigs},
		{"x509sha256skid", 25, byLine, gate.Note, "x509.CreateCertificate fills in subject key ids by SHA-256: certificates of one key differ from before", "x509sha256skid=0", godebugHistory, findCreateCertificate},
		{"nilcheck", 25, byToolchain, gate.Error, "a result that is used before its error is looked at panics where it should: Go 1.21 to 1.24 put the nil check off until after the error", "", notes + "25#compiler", findUseBeforeError},
		{"cryptocustomrand", 26, byLine, gate.Warning, "functions that make keys take no notice of the reader they are given: keys that were to repeat no longer do", "cryptocustomrand=1", godebugHistory, findCustomRand},
		{"urlstrictcolons", 26, byLine, gate.Error, "url.Parse refuses colons in a host that are not in brackets, as of an IPv6 address", "urlstrictcolons=0", godebugHistory, findURLColons},
		{"greenteagc", 26, byToolchain, gate.Note, "the Green Tea garbage collector is the default: shares of CPU and pauses that were tuned are others", "", notes + "26#runtime", findGCTuning},
	}
}

// unseen are the settings whose default changed, but for which nothing in a repository tells whether it matters: that
// depends on what comes in over the network or on the operating system, or only debuggers notice.
var unseen = map[string]string{
	"httplaxcontentlength": "an empty Content-Length header comes from peers",
	"httpcookiemaxnum":     "the number of cookies comes from clients",
	"urlmaxqueryparams":    "the number of query parameters comes from clients",
	"tlsunsafeekm":         "only ConnectionState.ExportKeyingMaterial without TLS 1.3 or extended master secrets is concerned: peers decide",
	"tlsmlkem":             "a key exchange that peers may take or leave",
	"tlssecpmlkem":         "a key exchange that peers may take or leave",
	"winsymlink":           "Windows only, and by what is on the disk",
	"winreadlinkvolume":    "Windows only, and by what is on the disk",
	"x509keypairleaf":      "memory per certificate only",
	"x509rsacrt":           "broken keys only",
	"x509usepolicies":      "a field that callers read at other versions too",
	"decoratemappings":     "names of memory mappings, for debuggers",
	"updatemaxprocs":       "with containermaxprocs",
	"gotestjsonbuildtext":  "go test -json only",
	"netedns0":             "DNS servers decide",
}
