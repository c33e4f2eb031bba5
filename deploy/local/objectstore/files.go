package objectstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

const (
	// copyLimit is S3's own limit of one copy; the gateway's zero value refuses all.
	copyLimit = 5 << 30
	// fileOperations bounds how many threads wait for the disk at once.
	fileOperations = 256
)

// openFiles opens root as the folder of buckets. Checksums, types and policies
// are kept as extended attributes, or in a folder beside root where the file
// system has none. The working directory is root afterwards.
func openFiles(ctx context.Context, root string, logger *slog.Logger) (*posix.Posix, error) {
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("making root: %w", err)
	}
	opts := posix.PosixOpts{CopyObjectThreshold: copyLimit, Concurrency: fileOperations}
	err := tryAttributes(root)
	if err == nil {
		return posix.New(root, meta.XattrMeta{}, opts)
	}
	opts.SideCarDir = sideCar(root)
	logger.InfoContext(ctx, "file system keeps no extended attributes, using a folder", "folder", opts.SideCarDir, "cause", err)
	return openSideCar(root, opts)
}

func openSideCar(root string, opts posix.PosixOpts) (*posix.Posix, error) {
	if err := os.MkdirAll(opts.SideCarDir, 0o750); err != nil {
		return nil, fmt.Errorf("making the folder of attributes: %w", err)
	}
	attributes, err := meta.NewSideCar(opts.SideCarDir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of attributes: %w", err)
	}
	return posix.New(root, attributes, opts)
}

// sideCar is beside root: the gateway refuses a path that begins with root's.
func sideCar(root string) string {
	return filepath.Join(filepath.Dir(root), ".attributes-"+filepath.Base(root))
}

// tryAttributes stores one for real: some file systems answer reads only.
func tryAttributes(root string) (err error) {
	f, err := os.CreateTemp(root, ".attributes-")
	if err != nil {
		return fmt.Errorf("making a file to try attributes on: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	return meta.XattrMeta{}.StoreAttribute(f, "", "", "try", []byte("1"))
}
