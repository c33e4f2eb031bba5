// Package bus owns the way through JetStream: task and event streams, key-value buckets, trace headers, and how a task
// message is settled. It refuses data batches, and it proves nothing: what a handler did must be durable elsewhere
// before it returns. Start with Connect, PublishTaskAfter and Consume.
package bus

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
)

// bucketHistory is how many values of a key a bucket keeps, for an operator who asks what it was before.
const bucketHistory = 5

// Config is the nats section of a service's settings.
type Config struct {
	// URL is nats://host:port, or several separated by commas.
	URL string `yaml:"url"`
	// CredsFile is the path of a NATS credentials file; empty connects without.
	CredsFile string `yaml:"creds_file"`
	// Replicas of streams and buckets: 3 in production, 0 means 1.
	Replicas int `yaml:"replicas"`
}

// Bus is one service's connection. It reconnects by itself; calls made meanwhile fail as Unavailable.
type Bus struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	name     string
	replicas int
	opened   sync.Map // streams by name

	grace  time.Duration  // for tasks under way once Consume stops
	random func() float64 // jitter, 0 to 1
	now    func() time.Time
}

// Connect returns a connection of the service called name. The caller closes it after its consumers have returned.
func Connect(ctx context.Context, cfg Config, name string) (*Bus, error) {
	conn, err := nats.Connect(cfg.URL, options(ctx, cfg, name)...)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "connecting to NATS at %s (setting nats.url)", cfg.URL)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fault.Wrap(err, fault.Internal, fault.ReasonInternal, "preparing JetStream")
	}
	return &Bus{
		conn: conn, js: js, name: name, replicas: max(cfg.Replicas, 1),
		grace: 10 * time.Second, random: rand.Float64, now: time.Now,
	}, nil
}

func options(ctx context.Context, cfg Config, name string) []nats.Option {
	timeout := 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	opts := []nats.Option{
		nats.Name(name),
		nats.Timeout(timeout),
		nats.MaxReconnects(-1),
		// The call that needs the connection returns the error; the default handler prints to stderr as well.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if cfg.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(cfg.CredsFile))
	}
	return opts
}

// Close ends the connection after sending what is buffered.
func (b *Bus) Close() { b.conn.Close() }

// JetStream gives access to what this package does not wrap, such as watching events.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// EnsureBucket returns the key-value bucket of that name, created when missing. One service writes a bucket: decide by
// Create and Update with a revision, because a Get may be stale.
func (b *Bus) EnsureBucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	return b.ensure(ctx, jetstream.KeyValueConfig{Bucket: name, History: bucketHistory})
}

// EnsureExpiringBucket is EnsureBucket for entries that vanish by themselves some time after their last write.
func (b *Bus) EnsureExpiringBucket(ctx context.Context, name string, after time.Duration) (jetstream.KeyValue, error) {
	return b.ensure(ctx, jetstream.KeyValueConfig{Bucket: name, History: 1, TTL: after})
}

func (b *Bus) ensure(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	cfg.Storage, cfg.Replicas = jetstream.FileStorage, b.replicas
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, cfg)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "preparing bucket %s", cfg.Bucket)
	}
	return kv, nil
}
