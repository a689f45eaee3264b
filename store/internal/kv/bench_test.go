package kv_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// BenchmarkUpdate is the rate of durable changes of 512 bytes, by the number of writers at once, beside two lines to
// hold it against: "bare", one bbolt commit per change, and "plain", the least that group commit can cost: a queue, one
// transaction, no snapshots, checks, checksums or tallies. p99-ms is the 99th percentile of what a writer waits. It is
// the disk's sync that is measured, so compare within one run.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("bare/writers=%d", writers), func(b *testing.B) { benchmarkBolt(b, writers, bareCommit) })
		b.Run(fmt.Sprintf("plain/writers=%d", writers), func(b *testing.B) { benchmarkBolt(b, writers, plainGroupCommit) })
		b.Run(fmt.Sprintf("kv/writers=%d", writers), func(b *testing.B) { benchmarkUpdate(b, writers, false) })
		b.Run(fmt.Sprintf("kv+read/writers=%d", writers), func(b *testing.B) { benchmarkUpdate(b, writers, true) })
	}
}

// measure runs change b.N times from so many goroutines.
func measure(b *testing.B, writers int, change func(n int) error) {
	waits := make([]time.Duration, b.N)
	var next atomic.Int64
	var running sync.WaitGroup
	b.ResetTimer()
	for range writers {
		running.Go(func() {
			for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := change(n); err != nil {
					b.Error(err)
				}
				waits[n] = time.Since(began)
			}
		})
	}
	running.Wait()
	b.StopTimer()
	slices.Sort(waits)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
}

// benchmarkUpdate puts boxes made beforehand; with reads, each op first gets the record before its own.
func benchmarkUpdate(b *testing.B, writers int, reads bool) {
	f := createIn(b, b.TempDir(), kv.Options{})
	box := f.box(at(1, "any"), string(make([]byte, 512)))
	measure(b, writers, func(n int) error {
		return f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
			if reads {
				if _, _, err := tx.Get(at(1, "%012d", n-1)); err != nil {
					return err
				}
			}
			return tx.Put(at(1, "%012d", n), box)
		}})
	})
	s := f.Stats()
	b.ReportMetric(float64(s.Ops)/float64(max(s.Batches, 1)), "ops/batch")
}

func benchmarkBolt(b *testing.B, writers int, committer func(*bbolt.DB) (change func(key, value []byte) error, stop func())) {
	bolt, err := bbolt.Open(filepath.Join(b.TempDir(), "main.db"), 0o600, &bbolt.Options{
		NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := bolt.Close(); err != nil {
			b.Error(err)
		}
	}()
	change, stop := committer(bolt)
	defer stop()
	value := make([]byte, 512)
	if _, err := rand.Read(value); err != nil {
		b.Fatal(err)
	}
	measure(b, writers, func(n int) error { return change(fmt.Appendf(nil, "%012d", n), value) })
}

func bareCommit(bolt *bbolt.DB) (change func(key, value []byte) error, stop func()) {
	return func(key, value []byte) error {
		return bolt.Update(func(tx *bbolt.Tx) error { return putInto(tx, key, value) })
	}, func() {}
}

func putInto(tx *bbolt.Tx, key, value []byte) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte("b"))
	if err != nil {
		return err
	}
	return bucket.Put(key, value)
}

func plainGroupCommit(bolt *bbolt.DB) (change func(key, value []byte) error, stop func()) {
	type put struct {
		key, value []byte
		done       chan error
	}
	queue, ended := make(chan put, 1024), make(chan struct{})
	go func() {
		defer close(ended)
		for first := range queue {
			list := []put{first}
			for len(list) < 512 && len(queue) > 0 {
				list = append(list, <-queue)
			}
			err := bolt.Update(func(tx *bbolt.Tx) error {
				for _, p := range list {
					if err := putInto(tx, p.key, p.value); err != nil {
						return err
					}
				}
				return nil
			})
			for _, p := range list {
				p.done <- err
			}
		}
	}()
	change = func(key, value []byte) error {
		p := put{key, value, make(chan error, 1)}
		queue <- p
		return <-p.done
	}
	return change, func() { close(queue); <-ended }
}

// BenchmarkGet is one record from a snapshot of its own.
func BenchmarkGet(b *testing.B) {
	f := create(b, small())
	const records = 1000
	for i := range records {
		f.put(at(1, "%04d", i), string(make([]byte, 512)))
	}
	for n := 0; b.Loop(); n++ {
		err := f.View(background, func(tx *kv.ReadTx) error {
			_, _, err := tx.Get(at(1, "%04d", n%records))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is the time to open a file that the system has in memory, by what it holds: the walk, and bbolt's own
// for the free pages. KV_OPEN_MIB chooses another size than 150 MiB.
func BenchmarkOpen(b *testing.B) {
	f := createIn(b, b.TempDir(), kv.Options{})
	box := f.box(at(1, "any"), string(make([]byte, 512)))
	const each = 4000 // about 2.4 MiB
	mebibytes, err := strconv.Atoi(os.Getenv("KV_OPEN_MIB"))
	if err != nil {
		mebibytes = 150
	}
	for i := 0; f.Stats().Used < int64(mebibytes)<<20; i++ {
		err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
			for j := range each {
				if err := tx.Put(at(1, "%012d", i*each+j), box); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	size := f.Stats().Used
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		f.DB = open(b, f.path, kv.Options{}).DB
		b.StopTimer()
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(size)*(1<<30), "s/GiB")
}
