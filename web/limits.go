package web

import (
	"cmp"
	"time"
)

// Limits bound what a client can take. A zero field is the default given with it.
type Limits struct {
	Body        int           // bytes of a request's body; 4 MiB
	Header      int           // bytes of a request's line and headers; 16 KiB
	Connections int           // at the same time; 4,096
	Read        time.Duration // of a whole request; 15 s
	Write       time.Duration // of a whole reply, but for those in bulk; 30 s
	Idle        time.Duration // between two requests; 60 s
	Work        time.Duration // of a handler; 60 s
	Stop        time.Duration // for requests in hand when the server stops; 20 s
}

func (l Limits) orDefault() Limits {
	return Limits{
		Body:        cmp.Or(l.Body, 4<<20),
		Header:      cmp.Or(l.Header, 16<<10),
		Connections: cmp.Or(l.Connections, 4096),
		Read:        cmp.Or(l.Read, 15*time.Second),
		Write:       cmp.Or(l.Write, 30*time.Second),
		Idle:        cmp.Or(l.Idle, 60*time.Second),
		Work:        cmp.Or(l.Work, 60*time.Second),
		Stop:        cmp.Or(l.Stop, 20*time.Second),
	}
}
