package ledger

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/signals/sqldb"
)

// databases are those to test: always SQLite, and PostgreSQL where DATABASE_URL names one.
func databases() map[string]string {
	all := map[string]string{"sqlite": ""}
	if url := os.Getenv("DATABASE_URL"); url != "" {
		all["postgres"] = url
	}
	return all
}

func eachDatabase(t *testing.T, test func(t *testing.T, l *Ledger)) {
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) {
			db, closeDB, err := Open(url, sqldb.New(sqldb.Config{}))
			if err != nil {
				t.Fatal(err)
			}
			l, err := New(t.Context(), db, newWrites(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(l.Close(), closeDB()); err != nil {
					t.Error(err)
				}
			})
			test(t, l)
		})
	}
}

// unique makes ids of this run: a PostgreSQL keeps those of earlier ones.
func unique(t *testing.T, name string) string {
	return t.Name() + name + time.Now().Format(time.RFC3339Nano)
}

func order(id string) payment.Order {
	return payment.Order{
		ID: id, Account: "a-1", Amount: 1299, Currency: "EUR", Status: payment.Approved,
		Risk: new(0.25), Created: time.UnixMilli(1_700_000_000_123).UTC(),
	}
}

func same(a, b payment.Order) bool {
	if (a.Risk == nil) != (b.Risk == nil) || a.Risk != nil && *a.Risk != *b.Risk {
		return false
	}
	a.Risk, b.Risk = nil, nil
	return a == b
}

func TestRecordAndRead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, l *Ledger) {
		scored, unscored := order(unique(t, "1")), order(unique(t, "2"))
		unscored.Risk, unscored.Status = nil, payment.InReview
		for _, want := range []payment.Order{scored, unscored} { // without a key, so both are fresh
			if _, fresh, err := l.Record(t.Context(), want, ""); err != nil || !fresh {
				t.Fatalf("recording: fresh=%t, %v", fresh, err)
			}
			got, err := l.Order(t.Context(), want.ID)
			if err != nil || !same(got, want) {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		if _, err := l.Order(t.Context(), unique(t, "nobody's")); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("an unknown id: got %v, want ErrNotFound", err)
		}
	})
}

// However many try at once, one key is one order, and all are told which.
func TestOneKeyOneOrder(t *testing.T) {
	eachDatabase(t, func(t *testing.T, l *Ledger) {
		var (
			key   = unique(t, "key")
			fresh atomic.Int32
			ids   sync.Map
			group sync.WaitGroup
		)
		for i := range 16 {
			group.Go(func() {
				got, isFresh, err := l.Record(t.Context(), order(key+string(rune('a'+i))), key)
				if err != nil {
					t.Error(err)
					return
				}
				if isFresh {
					fresh.Add(1)
				}
				ids.Store(got.ID, true)
			})
		}
		group.Wait()
		told := 0
		ids.Range(func(any, any) bool { told++; return true })
		if fresh.Load() != 1 || told != 1 {
			t.Errorf("%d were recorded and %d ids told, want 1 and 1", fresh.Load(), told)
		}
	})
}

// newWrites is the bulkhead that suits SQLite, which a PostgreSQL can bear too.
func newWrites(t testing.TB) *bulkhead.Bulkhead {
	t.Helper()
	writes, err := bulkhead.New(Writes(""))
	if err != nil {
		t.Fatal(err)
	}
	return writes
}

func TestOpen(t *testing.T) {
	if _, _, err := Open("mysql://localhost/orders", sqldb.New(sqldb.Config{})); err == nil {
		t.Error("a MySQL URL was accepted")
	}
	t.Setenv("TMPDIR", t.TempDir())
	db, closeDB, err := Open("", sqldb.New(sqldb.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), db, newWrites(t)); err != nil {
		t.Fatal(err)
	}
	var mode string
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("the journal mode is %q (%v), want wal: readers must not wait for the writer", mode, err)
	}
	if err := closeDB(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	if err := db.Ping(); err == nil {
		t.Error("the database is still open")
	}
}

func BenchmarkRecord(b *testing.B) {
	db, closeDB, err := Open("", sqldb.New(sqldb.Config{}))
	if err != nil {
		b.Fatal(err)
	}
	defer closeDB()
	l, err := New(b.Context(), db, newWrites(b))
	if err != nil {
		b.Fatal(err)
	}
	var ids atomic.Int64
	record := func() {
		o := order(strconv.FormatInt(ids.Add(1), 10))
		if _, _, err := l.Record(b.Context(), o, o.ID); err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			record()
		}
	})
	b.Run("crowd", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				record()
			}
		})
	})
}

var _ payment.Ledger = (*Ledger)(nil)
