package signals

import "reflect"

// Standard returns the declarations of the signals that the library's own sources read. A schema knows them all from
// the start, so that a contract in an init function can name a signal whose source main attaches later; until
// then a check on it is Unknown and says which source is missing.
func Standard() []Desc {
	var all []Desc
	for _, group := range [][]*Signal{
		Group(GoRuntime), Group(GoroutineLeak), Group(Process), Group(HTTPServer), Group(HTTPClient), Group(GRPCClient),
		Group(GRPCServer), Group(SQLDB), Group(Cgroup), Group(Breaker), Group(Bulkhead), Group(Retry), Group(MemLimit), Group(GCPacer),
		Group(Health), Group(Build),
		Group(Admission),
		Group(Config),
	} {
		for _, s := range group {
			all = append(all, s.desc)
		}
	}
	return all
}

// Group returns the signals of a struct whose fields are all *[Signal], such as [GoRuntime], in the order of its fields: what
// a source that reads all of them returns from Describe. It panics when a field is something else, for its
// argument is program text.
func Group(fields any) []*Signal {
	v := reflect.ValueOf(fields)
	list := make([]*Signal, v.NumField())
	for i := range list {
		list[i] = v.Field(i).Interface().(*Signal)
	}
	return list
}
