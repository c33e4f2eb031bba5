package flat

import "sync"

// Pool bounds how many pages are finished at once beside those who fill them. Any number of files may share one.
type Pool struct{ places chan struct{} }

// NewPool makes a pool of so many places.
func NewPool(places int) *Pool { return &Pool{make(chan struct{}, places)} }

// do has work done by the pool if a place is free, or else by the caller, which so never waits for others' work.
func (p *Pool) do(working *sync.WaitGroup, work func()) {
	if !p.lend(working, work) {
		work()
	}
}

// share has work done by the caller, and by as many more as have a place for it, and waits for all. Those who share it take from
// one list.
func (p *Pool) share(most int, work func()) {
	var working sync.WaitGroup
	for range most - 1 {
		if !p.lend(&working, work) {
			break
		}
	}
	work()
	working.Wait()
}

// lend begins work if a place is free.
func (p *Pool) lend(working *sync.WaitGroup, work func()) bool {
	if p == nil {
		return false
	}
	select {
	case p.places <- struct{}{}:
		working.Go(func() {
			defer func() { <-p.places }()
			work()
		})
		return true
	default:
		return false
	}
}
