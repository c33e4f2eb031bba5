// Package objectstore embeds an S3 server for the local stack and the tests.
// Objects are plain files under <root>/<bucket>/<key>, requests are signed and
// checked, and bucket policies and ExpectedBucketOwner are enforced. It refuses
// to run twice in a process and to claim durability: nothing is synced to disk.
// At the same address roles are assumed, as at AWS's STS; they and their sessions
// last as long as the server. Start reading at Start and CreateRole.
//
// Two traits of the embedded gateway reach the caller. The working directory of
// the process is Root until Close, so paths used meanwhile must be absolute. And
// an object cannot be both a key and the prefix of another one ("a" and "a/b").
package objectstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// Region is the only region that the server knows.
const Region = "us-east-1"

// ErrRunning is returned by Start while another Server of the process is open.
var ErrRunning = errors.New("an object store is already running in this process: close it first, or share it and use a bucket of your own")

// running holds one token while a Server is open: the gateway keeps its state in
// package variables, so a process can have one.
var running = make(chan struct{}, 1)

// Account administers the server and owns every bucket.
type Account struct {
	AccessKey, SecretKey string
	Owner                string // 12-digit account id, to be given as ExpectedBucketOwner
}

// User may do what the grants of a bucket allow, and nothing else.
type User struct {
	AccessKey, SecretKey string
}

// Config says where the server listens and keeps its objects.
type Config struct {
	Root   string // objects; made when missing
	Listen string // host:port on loopback; port 0 picks a free one
	Logger *slog.Logger
	Admin  Account
	Users  []User
	Now    func() time.Time // tells when sessions of roles end; nil means time.Now
}

// Server is a running object store. Close it once.
type Server struct {
	address  string
	admin    *s3.Client
	accounts *accounts
	workdir  string // what the working directory was before
	cancel   context.CancelFunc
	ended    chan struct{} // closed when the gateway has returned
	err      error         // what it returned; read after ended
	close    sync.Once
}

// Start serves until Close; ctx bounds only the start itself.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	address, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	select {
	case running <- struct{}{}:
	default:
		return nil, ErrRunning
	}
	s, err := start(ctx, cfg, address)
	if err != nil {
		<-running
		return nil, fmt.Errorf("starting the object store: %w", err)
	}
	cfg.Logger.InfoContext(ctx, "object store listens", "endpoint", s.Endpoint(), "root", cfg.Root)
	return s, nil
}

func start(ctx context.Context, cfg Config, address string) (*Server, error) {
	workdir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("reading the working directory: %w", err)
	}
	files, err := openFiles(ctx, cfg.Root, cfg.Logger)
	if err != nil {
		return nil, errors.Join(err, os.Chdir(workdir))
	}
	s := &Server{address: address, workdir: workdir, ended: make(chan struct{})}
	return s, s.serve(ctx, cfg, files)
}

// serve returns when the gateway listens, or has ended.
func (s *Server) serve(ctx context.Context, cfg Config, files *posix.Posix) error {
	// Detached: a server outlives the start that ctx bounds.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel, s.accounts = cancel, newAccounts(cfg)
	s.admin = s.client(cfg.Admin.Owner, cfg.Admin.SecretKey)
	listening := make(chan struct{})
	go func() {
		defer close(s.ended)
		s.err = embedgw.RunVersityGW(run, folder{files}, s.gateway(cfg, func() { close(listening) }))
	}()
	return s.await(ctx, listening)
}

func (s *Server) await(ctx context.Context, listening <-chan struct{}) error {
	select {
	case <-listening:
		if err := s.knock(ctx); err != nil {
			return errors.Join(err, s.stop())
		}
		return nil
	case <-s.ended:
		return errors.Join(s.err, s.stop())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), s.stop())
	}
}

// knock waits for an answer, whichever: the gateway says that it listens a moment before it serves,
// and one that is stopped in between listens on.
func (s *Server) knock(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint(), http.NoBody)
	if err != nil {
		return err
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("waiting for an answer: %w", err)
	}
	return answer.Body.Close()
}

func (s *Server) gateway(cfg Config, listening func()) *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess: cfg.Admin.Owner, // a bucket's owner is the access key of its maker
		RootUserSecret: cfg.Admin.SecretKey,
		Region:         Region,
		Ports:          []string{s.address},
		MaxConnections: 4096, MaxRequests: 1024, MultipartMaxParts: 10000,
		Quiet: true, KeepAlive: true, DisableACLs: true,
		IAMService: s.accounts,
		S3Options: []s3api.Option{
			s3api.WithOnListen(listening),
			// S3 itself has nothing to post to the root.
			s3api.WithRoute(http.MethodPost, "/", adaptor.HTTPHandler(s.accounts)),
		},
	}
}

// Endpoint is the base URL of the server, to be used with path-style addresses.
func (s *Server) Endpoint() string { return "http://" + s.address }

// Close ends the server within about ten seconds and gives the process its
// former working directory back.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		err = s.stop()
		<-running
	})
	return err
}

func (s *Server) stop() error {
	s.cancel()
	<-s.ended
	if err := os.Chdir(s.workdir); err != nil {
		return fmt.Errorf("restoring the working directory: %w", err)
	}
	return nil
}

// resolve checks the config and returns the address to listen on.
func (c *Config) resolve() (string, error) {
	if err := c.validate(); err != nil {
		return "", err
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return "", fmt.Errorf("resolving root %s: %w", c.Root, err)
	}
	c.Root = root
	if c.Now == nil {
		c.Now = time.Now
	}
	// The gateway takes an address, not a listener, hence the moment in between.
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return "", fmt.Errorf("listening on %s (setting listen): %w", c.Listen, err)
	}
	return l.Addr().String(), l.Close()
}
