package goroutines

import (
	"slices"
	"strings"
)

// hint is what goroutines usually suffer from that wait in a function of a library.
type hint struct {
	function string // a prefix
	suspicion
}

// suspicion is what goroutines likely suffer from.
type suspicion struct {
	english, chinese string
	cause            string // of the catalogue, "" if it has none; a test of lab/leaks holds the names to it
}

// hints are looked through for each frame, from where the goroutine waits to the first that is not of the standard library.
var hints = []hint{
	{"database/sql.(*DB).conn", suspicion{"all connections of the pool are taken: one that is not given back, or a pool that is too small", "连接池中的连接已全部被占用：有连接没有归还，或连接池太小", "poolexhaustion"}},
	{"database/sql.(*Tx).awaitDone", suspicion{"a transaction that is neither committed nor rolled back, in a context that does not end", "事务既未提交也未回滚，且其 context 不会结束", "connleak"}},
	{"database/sql.(*Rows).awaitDone", suspicion{"rows that are not closed, in a context that does not end", "Rows 未关闭，且其 context 不会结束", "connleak"}},
	{"net/http.(*Transport).getConn", suspicion{"no connection to the peer: MaxConnsPerHost is reached, or the peer does not answer", "没有到对端的连接：达到 MaxConnsPerHost，或对端没有响应", "poolexhaustion"}},
	{"net/http.(*persistConn).roundTrip", suspicion{"a peer that does not answer a request without a deadline", "对端没有响应，而请求没有截止时间", "lostdeadline"}},
	{"net/http.(*http2clientStream)", suspicion{"a peer that does not answer a request without a deadline", "对端没有响应，而请求没有截止时间", "lostdeadline"}},
	{"net/http.(*persistConn).readLoop", suspicion{"connections of an HTTP client: idle ones, or a response whose body is not closed", "HTTP 客户端的连接：空闲连接，或响应的 Body 未关闭", "connchurn"}},
	{"net/http.(*persistConn).writeLoop", suspicion{"connections of an HTTP client: idle ones, or a response whose body is not closed", "HTTP 客户端的连接：空闲连接，或响应的 Body 未关闭", "connchurn"}},
	{"net/http.(*connReader).backgroundRead", suspicion{"a request that is being served: its handler has not returned", "请求正在处理：其处理函数尚未返回", ""}},
	{"net/http.(*conn).serve", suspicion{"clients that keep their connections; IdleTimeout of http.Server ends idle ones", "客户端保持着连接；http.Server 的 IdleTimeout 会结束空闲连接", ""}},
	{"golang.org/x/sync/semaphore.", suspicion{"a semaphore that nobody releases: an early return without Release", "信号量没有被释放：提前返回而没有调用 Release", "channelblock"}},
	{"golang.org/x/sync/singleflight.", suspicion{"one call that does not return, and all who share it", "一次调用没有返回，共享它的调用者都在等待", "lostdeadline"}},
	{"google.golang.org/grpc.(*clientStream)", suspicion{"a gRPC peer that does not answer a call without a deadline", "gRPC 对端没有响应，而调用没有截止时间", "lostdeadline"}},
	{"google.golang.org/grpc.newClientStream", suspicion{"no connection to the gRPC peer, or no stream left on it", "没有到 gRPC 对端的连接，或连接上没有空闲的流", "grpcexhaustion"}},
}

// atLibrary says what a goroutine suffers from by the library's function in which it waits; nothing if that says nothing.
func atLibrary(s Stack) suspicion {
	for _, f := range s.Frames {
		for _, h := range hints {
			if strings.HasPrefix(f.Func, h.function) {
				return h.suspicion
			}
		}
		if !isStandard(f.Func) {
			break
		}
	}
	return suspicion{}
}

// What the state of a group, its age and its number say.
var (
	unreachable = suspicion{"leaked: nothing that runs can reach what they wait for", "已泄漏：任何运行中的代码都无法到达它们所等待的对象", "goroutineleak"}
	abandoned   = suspicion{"a leak: each was started, and its partner is gone or was never to come", "泄漏：它们被启动后，通道另一端已经离开，或从未出现", "goroutineleak"}
	waiting     = suspicion{"a partner that does not come, or workers that have nothing to do", "通道另一端没有到来，或工作协程无事可做", "channelblock"}
	forever     = suspicion{"a leak: nothing can ever wake them", "泄漏：没有任何操作能唤醒它们", "goroutineleak"}
	heldLong    = suspicion{"a lock that has been held for a minute or more: a deadlock, or a lock that is held while something is waited for", "锁已被持有一分钟以上：死锁，或持锁期间在等待其他操作", "deadlock"}
	queued      = suspicion{"a queue at a lock: too much is done while it is held", "在锁上排队：持锁期间做得太多", "lockconvoy"}
	unsignaled  = suspicion{"a Done, Signal or Broadcast that does not come: look for a panic or an early return before it", "Done、Signal 或 Broadcast 没有到来：检查此前是否有 panic 或提前返回", "channelblock"}
)

// fromState says what a group likely suffers from by its state, its age and its growth. What is neither suspect nor has waited for a
// minute suffers from nothing that could be seen.
func (g *Group) fromState() suspicion {
	if g.Leaked {
		return unreachable
	}
	if !g.Suspect && (g.risk != Suspect || g.Wait == 0) {
		return suspicion{}
	}
	switch State(g.State) {
	case ChanReceive, ChanSend, Select:
		if g.Suspect {
			return abandoned
		}
		return waiting
	case ChanReceiveNil, ChanSendNil, SelectNoCases:
		return forever
	case MutexLock, RWMutexLock, RWMutexRLock, Semacquire:
		if g.Wait > 0 {
			return heldLong
		}
		return queued
	case WaitGroupWait, CondWait:
		return unsignaled
	}
	return suspicion{}
}

// Causes returns the root causes of the catalogue that [Group.Cause] may be, each once, sorted.
func Causes() []string {
	var ids []string
	for _, s := range []suspicion{unreachable, abandoned, waiting, forever, heldLong, queued, unsignaled} {
		ids = append(ids, s.cause)
	}
	for _, h := range hints {
		if h.cause != "" {
			ids = append(ids, h.cause)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
