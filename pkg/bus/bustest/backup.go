package bustest

import (
	"os"
	"path/filepath"
)

// Backup copies the files of a stream and of its consumers. The function that it returns puts them back, as an operator
// restores a broker: what happened to the stream in between is undone. Connections find the server again both times.
func (s *Server) Backup(stream string) (restore func()) {
	s.t.Helper()
	files := filepath.Join(s.options.StoreDir, "jetstream", "$G", "streams", stream)
	copied := filepath.Join(s.t.TempDir(), stream)
	s.stopped(func() error { return os.CopyFS(copied, os.DirFS(files)) })
	return func() {
		s.t.Helper()
		s.stopped(func() error {
			if err := os.RemoveAll(files); err != nil {
				return err
			}
			return os.CopyFS(files, os.DirFS(copied))
		})
	}
}

// stopped does something to the files of the server while it does not run.
func (s *Server) stopped(do func() error) {
	s.t.Helper()
	s.stop()
	if err := do(); err != nil {
		s.t.Fatalf("touching the server's files: %v", err)
	}
	s.start()
}
