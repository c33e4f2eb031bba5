package plan

import "sync"

// bell wakes one sleeper. Rings while it is awake are one. The zero value is ready.
type bell struct {
	once sync.Once
	c    chan struct{}
}

func (b *bell) rung() chan struct{} {
	b.once.Do(func() { b.c = make(chan struct{}, 1) })
	return b.c
}

func (b *bell) ring() {
	select {
	case b.rung() <- struct{}{}:
	default:
	}
}
