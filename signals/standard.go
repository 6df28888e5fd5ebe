package signals

import "time"

// Standard returns the declarations of the signals that the library's own sources read. A schema knows them all from
// the start, so that a contract in an init function can name a signal whose source main attaches later; until
// then a check on it is Unknown and says which source is missing.
func Standard() []Desc {
	var all []Desc
	for _, group := range [][]Desc{GoRuntime(), GoroutineLeak(), Process(), HTTPServer(), HTTPClient(), GRPCClient(), GRPCServer(), SQLDB(), Breaker(), Bulkhead(), Retry()} {
		all = append(all, group...)
	}
	return all
}

// GoRuntime declares the signals of package signals/goruntime, in its order. All come from runtime/metrics; none
// stops the world (whitepaper §2.2, §2.5; ReadMemStats would).
func GoRuntime() []Desc {
	const cost = 40 * time.Nanosecond // together they cost about 1.1 µs
	g := func(name string, unit Unit, kind Kind, help string, aliases ...string) Desc {
		return Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Help: help, Source: "goruntime", Cost: cost}
	}
	return []Desc{
		g("go.goroutine.count", Count, Gauge, "Live goroutines.", "runtime.NumGoroutine", "goroutines"),
		g("go.goroutine.created", Count, Counter, "Goroutines created since the start.", "go.goroutines.created"),
		g("go.goroutine.runnable", Count, Gauge, "Goroutines ready to run and waiting for a processor."),
		g("go.goroutine.running", Count, Gauge, "Goroutines executing Go code."),
		g("go.goroutine.waiting", Count, Gauge, "Goroutines blocked on a channel, lock, timer or the network."),
		g("go.goroutine.not_in_go", Count, Gauge, "Goroutines in a system call or in cgo."),
		g("go.memory.heap.inuse", Bytes, Gauge, "Bytes in in-use heap spans: objects plus unused room beside them.", "mem.HeapInuse", "runtime.ReadMemStats.HeapInuse"),
		g("go.memory.heap.objects", Bytes, Gauge, "Bytes of heap objects, live ones and those not yet swept.", "mem.HeapAlloc", "runtime.ReadMemStats.HeapAlloc"),
		g("go.memory.heap.live", Bytes, Gauge, "Bytes the last garbage collection found live. Barely moves with the GC sawtooth: the one to watch for leaks."),
		g("go.memory.heap.sys", Bytes, Gauge, "Bytes of heap address space obtained from the system. Hardly ever shrinks.", "mem.HeapSys", "runtime.ReadMemStats.HeapSys"),
		g("go.memory.heap.goal", Bytes, Gauge, "Heap size at which the next collection is to end.", "mem.NextGC"),
		g("go.memory.used", Bytes, Gauge, "Memory that GOMEMLIMIT counts: all mapped by the runtime less what was returned.", "go.memory.total"),
		g("go.memory.limit", Bytes, Gauge, "GOMEMLIMIT; absent while there is none."),
		g("go.memory.allocated", Bytes, Counter, "Bytes allocated on the heap since the start.", "mem.TotalAlloc"),
		g("go.memory.stacks", Bytes, Gauge, "Bytes of goroutine stacks.", "mem.StackInuse"),
		g("go.gc.cycles", Count, Counter, "Completed garbage collections. Go's collector has no generations, so young_gc_count means all of them.", "young_gc_count", "go.gc.count"),
		g("go.gc.cpu_ratio", Ratio, Gauge, "Share of the program's CPU that the collector took: GC / (GC + mutator), over the collections since the last reading. Absent in a tick without a collection.", "gc_pause_ratio", "gc.cpuRatio"),
		g("go.gc.pause_ratio", Ratio, Gauge, "Share of CPU lost to stop-the-world pauses: pause / (pause + mutator). Usually tiny; the CPU ratio is the telling one."),
		g("go.gc.pause.p50", Seconds, Gauge, "Median stop-the-world pause of collections since the last reading that saw one."),
		g("go.gc.pause.p99", Seconds, Gauge, "99th percentile of stop-the-world pauses of collections since the last reading that saw one."),
		g("go.gc.pause.max", Seconds, Gauge, "Longest stop-the-world pause since the last reading that saw one."),
		g("go.gc.limiter.last_enabled", Count, Gauge, "Number of the collection at which the GC CPU limiter was last on; 0 for never."),
		g("go.schedule.latency.p50", Seconds, Gauge, "Median time goroutines spent runnable before running, since the last reading."),
		g("go.schedule.latency.p99", Seconds, Gauge, "99th percentile of the time goroutines spent runnable before running, since the last reading."),
		g("go.mutex.wait", Seconds, Counter, "Total time goroutines have spent blocked on sync.Mutex, sync.RWMutex and runtime locks.", "go.sync.mutex.wait"),
		g("go.processor.limit", Count, Gauge, "GOMAXPROCS.", "runtime.GOMAXPROCS"),
		g("go.thread.count", Count, Gauge, "Operating system threads owned by the runtime."),
	}
}

// GoroutineLeak declares the signals of package signals/goroutineleak, in its order. All are absent until the first profile
// has been taken, and for good in a build without the goroutineleak profile.
func GoroutineLeak() []Desc {
	g := func(name string, unit Unit, kind Kind, help string, labels ...string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Labels: labels, Help: help, Source: "goroutineleak", Cost: 200 * time.Nanosecond}
	}
	return []Desc{
		g("go.goroutine.leaked", Count, Gauge, "Goroutines that the garbage collector has proven leaked, by what they wait for (channel, lock, group, cond) and where they began. Others may exist.", "wait", "site"),
		g("go.goroutine.leak_profile.cpu.time", Seconds, Counter, "CPU time that the leak profiles have taken, at most."),
		g("go.goroutine.leak_profile.stop.time", Seconds, Counter, "Time for which the leak profiles have stopped the world."),
		g("go.goroutine.leak_profile.interval", Seconds, Gauge, "Time from the last leak profile to the next: what the budget allows after what the last one took."),
	}
}

// Process declares the signals of package signals/process, in its order.
func Process() []Desc {
	p := func(name string, unit Unit, kind Kind, help string, aliases ...string) Desc {
		return Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Help: help, Source: "process", Cost: 2 * time.Microsecond}
	}
	fds := p("process.open_file_descriptor.count", Count, Gauge, "Open file descriptors.", "process.fds")
	fds.Bound = "process.open_file_descriptor.limit"
	return []Desc{
		p("process.memory.usage", Bytes, Gauge, "Resident set size.", "process.rss"),
		p("process.cpu.time", Seconds, Counter, "CPU time used, user and system."),
		fds,
		p("process.open_file_descriptor.limit", Count, Gauge, "Soft limit on open file descriptors.", "process.fds.limit"),
		p("process.thread.count", Count, Gauge, "Operating system threads."),
		p("process.uptime", Seconds, Gauge, "Time since the process started, as far as the library can tell: since its packages were initialized."),
	}
}

// HTTPServer declares the signals of package signals/httpserver, in its order. The plain names cover all
// routes, because a contract usually means the whole server; those with route in their name come one per route.
func HTTPServer() []Desc {
	h := func(name string, unit Unit, kind Kind, help string, labels ...string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Help: help, Labels: labels, Source: "httpserver", Cost: 20 * time.Nanosecond}
	}
	return []Desc{
		h("http.server.request.count", Count, Counter, "Requests begun."),
		h("http.server.request.completed", Count, Counter, "Requests answered."),
		h("http.server.request.error.count", Count, Counter, "Requests answered with a status of 500 or above, or by a panic."),
		h("http.server.active_requests", Count, Gauge, "Requests in flight."),
		h("http.server.request.oldest", Seconds, Gauge, "Age of the oldest request in flight, 0 when there is none."),
		h("http.server.request.duration.p50", Seconds, Gauge, "Median latency of the requests answered since the last reading that saw one."),
		h("http.server.request.duration.p99", Seconds, Gauge, "99th percentile of the latency of the requests answered since the last reading that saw one."),
		h("http.server.route.request.count", Count, Counter, "Requests answered, by route: the route of one in flight is for certain only when it is answered.", "route"),
		h("http.server.route.request.error.count", Count, Counter, "Requests answered with a status of 500 or above, by route.", "route"),
		h("http.server.route.active_requests", Count, Gauge, "Requests in flight, by route.", "route"),
		h("http.server.route.request.duration.p99", Seconds, Gauge, "99th percentile of latency since the last reading that saw one, by route.", "route"),
	}
}

// HTTPClient declares the signals of package signals/httpclient, in its order. An attempt is one request on the wire: a
// retry is another. The plain names cover all peers.
func HTTPClient() []Desc {
	h := func(name string, unit Unit, kind Kind, help string, labels ...string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Help: help, Labels: labels, Source: "httpclient", Cost: 20 * time.Nanosecond}
	}
	return []Desc{
		h("http.client.request.count", Count, Counter, "Attempts begun."),
		h("http.client.request.completed", Count, Counter, "Attempts that are over: failed, or their response's body read to its end or closed."),
		h("http.client.request.error.count", Count, Counter, "Attempts which failed, or were answered with a status of 500 or above."),
		h("http.client.error.count", Count, Counter, "Failed attempts by class: timeout, canceled, dial, reset, 5xx, other.", "class"),
		h("http.client.request.unbounded.count", Count, Counter, "Attempts made without any deadline (whitepaper §3.1)."),
		h("http.client.request.budget.min", Seconds, Gauge, "Least time that an attempt begun since the last reading had left, 0 when its deadline had passed; absent without an attempt that has a deadline."),
		h("http.client.active_requests", Count, Gauge, "Attempts in flight, those included whose response's body is neither read to its end nor closed."),
		h("http.client.request.oldest", Seconds, Gauge, "Age of the oldest attempt in flight, 0 when there is none."),
		h("http.client.request.duration.p50", Seconds, Gauge, "Median time to the response's header, or to the failure, of the attempts since the last reading that saw one."),
		h("http.client.request.duration.p99", Seconds, Gauge, "99th percentile of the time to the response's header, or to the failure, since the last reading that saw one."),
		h("http.client.peer.request.count", Count, Counter, "Attempts begun, by peer.", "peer"),
		h("http.client.peer.request.error.count", Count, Counter, "Attempts which failed, or were answered with a status of 500 or above, by peer.", "peer"),
		h("http.client.peer.request.unbounded.count", Count, Counter, "Attempts made without any deadline, by peer.", "peer"),
		h("http.client.peer.request.budget.min", Seconds, Gauge, "Least time that an attempt begun since the last reading had left, by peer.", "peer"),
		h("http.client.peer.active_requests", Count, Gauge, "Attempts in flight, by peer.", "peer"),
		h("http.client.peer.request.oldest", Seconds, Gauge, "Age of the oldest attempt in flight, by peer.", "peer"),
		h("http.client.peer.request.duration.p99", Seconds, Gauge, "99th percentile of the time to the response's header since the last reading that saw one, by peer.", "peer"),
	}
}

// SQLDB declares the signals of package signals/sqldb, in its order. The names with DBStats in their help are fields
// of sql.DBStats; the others need the driver wrapper. The whitepaper's db.connPool does not exist (§3.3).
func SQLDB() []Desc {
	d := func(name string, unit Unit, kind Kind, help string, aliases ...string) Desc {
		return Desc{Name: name, Aliases: aliases, Unit: unit, Kind: kind, Labels: []string{"pool"}, Help: help, Source: "sqldb", Cost: 50 * time.Nanosecond}
	}
	inUse := d("db.client.connection.in_use", Count, Gauge, "Connections in use: DBStats.InUse.", "pool.Active", "pool.inUse", "pool.InUse")
	inUse.Bound = "db.client.connection.max"
	overdue := d("db.client.connection.overdue", Count, Gauge, "Connections held longer than the limit, by what holds them (rows, tx, conn) and the place that took them.")
	overdue.Labels = []string{"pool", "kind", "site"}
	return []Desc{
		d("db.client.connection.max", Count, Gauge, "Most connections that may be open: DBStats.MaxOpenConnections. Absent while there is no limit.", "pool.Max", "pool.max"),
		d("db.client.connection.count", Count, Gauge, "Open connections: DBStats.OpenConnections.", "pool.open", "pool.OpenConnections"),
		inUse,
		d("db.client.connection.idle", Count, Gauge, "Idle connections: DBStats.Idle.", "pool.idle", "pool.Idle"),
		d("db.client.connection.wait.count", Count, Counter, "Callers that had to wait for a connection: DBStats.WaitCount.", "pool.waitCount", "pool.WaitCount"),
		d("db.client.connection.wait.duration", Seconds, Counter, "Time that callers have waited, all together: DBStats.WaitDuration.", "pool.waitDuration", "pool.WaitDuration"),
		d("db.client.connection.wait.mean", Seconds, Gauge, "Mean wait of the callers whose wait ended since the last reading that saw one."),
		d("db.client.connection.closed.max_idle", Count, Counter, "Connections closed because enough were idle: DBStats.MaxIdleClosed.", "pool.maxIdleClosed", "pool.MaxIdleClosed"),
		d("db.client.connection.closed.idle_time", Count, Counter, "Connections closed for having been idle too long: DBStats.MaxIdleTimeClosed.", "pool.maxIdleTimeClosed", "pool.MaxIdleTimeClosed"),
		d("db.client.connection.closed.lifetime", Count, Counter, "Connections closed for their age: DBStats.MaxLifetimeClosed.", "pool.maxLifetimeClosed", "pool.MaxLifetimeClosed"),
		d("db.client.connection.created", Count, Counter, "Connections that the driver has made."),
		d("db.client.connection.create.error.count", Count, Counter, "Connections that the driver failed to make."),
		d("db.client.connection.create.p99", Seconds, Gauge, "99th percentile of the time to make a connection, since the last reading that saw one."),
		d("db.client.connection.use.p99", Seconds, Gauge, "99th percentile of the time that a connection was held, of those given back since the last reading that saw one."),
		d("db.client.connection.held.oldest", Seconds, Gauge, "How long the connection held longest has been held, 0 when none is.", "pool.heldOldest"),
		d("db.client.statement.count", Count, Gauge, "Prepared statements not yet closed, on all connections."),
		overdue,
	}
}
