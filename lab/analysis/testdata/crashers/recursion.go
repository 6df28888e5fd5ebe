// Functions that call each other in many ways: what is known of one must not be found out anew on each of the ways, of which
// there are more than a machine can walk. (Found in a mutant of go/types.)
package crash

import "sync"

type list struct {
	mu, nu sync.Mutex
	n      int
	next   *list
}

func (l *list) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f0()
}

func (l *list) f0()  { l.n++; l.f1(); l.f2(); l.next.f0() }
func (l *list) f1()  { l.n++; l.f2(); l.f3(); l.next.f0() }
func (l *list) f2()  { l.n++; l.f3(); l.f4(); l.next.f1() }
func (l *list) f3()  { l.n++; l.f4(); l.f5(); l.next.f2() }
func (l *list) f4()  { l.n++; l.f5(); l.f6(); l.next.f3() }
func (l *list) f5()  { l.n++; l.f6(); l.f7(); l.next.f4() }
func (l *list) f6()  { l.n++; l.f7(); l.f8(); l.next.f5() }
func (l *list) f7()  { l.n++; l.f8(); l.f9(); l.next.f6() }
func (l *list) f8()  { l.n++; l.f9(); l.f10(); l.next.f7() }
func (l *list) f9()  { l.n++; l.f10(); l.f11(); l.next.f8() }
func (l *list) f10() { l.n++; l.f11(); l.f12(); l.next.f9() }
func (l *list) f11() { l.n++; l.f12(); l.f13(); l.next.f10() }
func (l *list) f12() { l.n++; l.f13(); l.f14(); l.next.f11() }
func (l *list) f13() { l.n++; l.f14(); l.f15(); l.next.f12() }
func (l *list) f14() { l.n++; l.f15(); l.f16(); l.next.f13() }
func (l *list) f15() { l.n++; l.f16(); l.f17(); l.next.f14() }
func (l *list) f16() { l.n++; l.f17(); l.f18(); l.next.f15() }
func (l *list) f17() { l.n++; l.f18(); l.f19(); l.next.f16() }
func (l *list) f18() { l.n++; l.f19(); l.f20(); l.next.f17() }
func (l *list) f19() { l.n++; l.f20(); l.f21(); l.next.f18() }
func (l *list) f20() { l.n++; l.f21(); l.f22(); l.next.f19() }
func (l *list) f21() { l.n++; l.f22(); l.f23(); l.next.f20() }
func (l *list) f22() { l.n++; l.f23(); l.f24(); l.next.f21() }
func (l *list) f23() { l.n++; l.f24(); l.f25(); l.next.f22() }
func (l *list) f24() { l.n++; l.f25(); l.f26(); l.next.f23() }
func (l *list) f25() { l.n++; l.f26(); l.f27(); l.next.f24() }
func (l *list) f26() { l.n++; l.f27(); l.f28(); l.next.f25() }
func (l *list) f27() { l.n++; l.f28(); l.f29(); l.next.f26() }
func (l *list) f28() { l.n++; l.f29(); l.f30(); l.next.f27() }
func (l *list) f29() { l.n++; l.f30(); l.f31(); l.next.f28() }
func (l *list) f30() { l.n++; l.f31(); l.f32(); l.next.f29() }
func (l *list) f31() { l.n++; l.f32(); l.f33(); l.next.f30() }
func (l *list) f32() { l.n++; l.f33(); l.f34(); l.next.f31() }
func (l *list) f33() { l.n++; l.f34(); l.f35(); l.next.f32() }
func (l *list) f34() { l.n++; l.f35(); l.f36(); l.next.f33() }
func (l *list) f35() { l.n++; l.f36(); l.f37(); l.next.f34() }
func (l *list) f36() { l.n++; l.f37(); l.f38(); l.next.f35() }
func (l *list) f37() { l.n++; l.f38(); l.f39(); l.next.f36() }
func (l *list) f38() { l.n++; l.f39(); l.f40(); l.next.f37() }
func (l *list) f39() { l.n++; l.f40(); l.f40(); l.next.f38() }

func (l *list) f40() {
	l.nu.Lock()
	defer l.nu.Unlock()
	l.f0()
}
