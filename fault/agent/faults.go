package agent

import (
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/allocstorm"
	"github.com/falsifiable/stability/fault/callfailure"
	"github.com/falsifiable/stability/fault/channelblock"
	"github.com/falsifiable/stability/fault/connchurn"
	"github.com/falsifiable/stability/fault/connrefused"
	"github.com/falsifiable/stability/fault/cpuburn"
	"github.com/falsifiable/stability/fault/deadlock"
	"github.com/falsifiable/stability/fault/earlyready"
	"github.com/falsifiable/stability/fault/endlessloop"
	"github.com/falsifiable/stability/fault/fdleak"
	"github.com/falsifiable/stability/fault/fileswap"
	"github.com/falsifiable/stability/fault/goawaystorm"
	"github.com/falsifiable/stability/fault/goroutineleak"
	"github.com/falsifiable/stability/fault/harmfulconfig"
	"github.com/falsifiable/stability/fault/heapgrowth"
	"github.com/falsifiable/stability/fault/hungprobe"
	"github.com/falsifiable/stability/fault/lockconvoy"
	"github.com/falsifiable/stability/fault/lostcontext"
	"github.com/falsifiable/stability/fault/offheap"
	"github.com/falsifiable/stability/fault/panics"
	"github.com/falsifiable/stability/fault/rowleak"
	"github.com/falsifiable/stability/fault/servererror"
	"github.com/falsifiable/stability/fault/slowcall"
	"github.com/falsifiable/stability/fault/slowhandler"
	"github.com/falsifiable/stability/fault/standin"
	"github.com/falsifiable/stability/fault/streamhold"
	"github.com/falsifiable/stability/fault/threadleak"
	"github.com/falsifiable/stability/fault/tornfile"
)

// Faults returns every fault that there is, by name.
func Faults() []fault.Fault {
	return []fault.Fault{
		allocstorm.Fault,
		callfailure.Fault,
		channelblock.Fault,
		connchurn.Fault,
		connrefused.Fault,
		cpuburn.Fault,
		deadlock.Fault,
		earlyready.Fault,
		endlessloop.Fault,
		fdleak.Fault,
		fileswap.Fault,
		goawaystorm.Fault,
		goroutineleak.Fault,
		harmfulconfig.Fault,
		heapgrowth.Fault,
		hungprobe.Fault,
		lockconvoy.Fault,
		lostcontext.Fault,
		offheap.Fault,
		panics.Fault,
		rowleak.Fault,
		servererror.Fault,
		slowcall.Fault,
		slowhandler.Fault,
		standin.Fault,
		streamhold.Fault,
		threadleak.Fault,
		tornfile.Fault,
	}
}
