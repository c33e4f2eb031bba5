// Package peer writes Parquet with DuckDB, straight from an Arrow stream: what the encoder is measured against. It takes
// nothing apart and keeps nothing. Start at Copy.
package peer

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/duckdb/duckdb-go/v2"
)

// Copy reads an Arrow IPC stream and writes it to path by COPY, in one thread; codec is DuckDB's word for it, with the
// options that belong to it. aside runs what is not part of writing: the database's start and the decoding of each batch.
func Copy(ctx context.Context, source io.Reader, path, codec string, aside func(work func())) (err error) {
	var db *database
	aside(func() { db, err = open(ctx) })
	if err != nil {
		return err
	}
	defer aside(db.close)
	var reader *ipc.Reader
	aside(func() { reader, err = ipc.NewReader(source) })
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	defer reader.Release()
	release, err := db.arrow.RegisterView(metered{reader, aside}, "source")
	if err != nil {
		return fmt.Errorf("registering the stream: %w", err)
	}
	defer release()
	statement := fmt.Sprintf("COPY (FROM source) TO '%s' (FORMAT parquet, COMPRESSION %s)", path, codec)
	if _, err := db.connection.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return reader.Err()
}

// database is one in memory, with one connection.
type database struct {
	connector  *duckdb.Connector
	connection driver.Conn
	arrow      *duckdb.Arrow
}

func open(ctx context.Context) (*database, error) {
	connector, err := duckdb.NewConnector("", func(execer driver.ExecerContext) error {
		_, err := execer.ExecContext(ctx, "SET threads = 1", nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening DuckDB: %w", err)
	}
	connection, err := connector.Connect(ctx)
	if err != nil {
		_ = connector.Close()
		return nil, fmt.Errorf("connecting to DuckDB: %w", err)
	}
	db := &database{connector: connector, connection: connection}
	if db.arrow, err = duckdb.NewArrowFromConn(connection); err != nil {
		db.close()
		return nil, fmt.Errorf("opening DuckDB's Arrow side: %w", err)
	}
	return db, nil
}

func (d *database) close() {
	_ = d.connection.Close()
	_ = d.connector.Close()
}

// metered hands out batches that are decoded aside.
type metered struct {
	array.RecordReader
	aside func(func())
}

func (m metered) Next() (more bool) {
	m.aside(func() { more = m.RecordReader.Next() })
	return more
}
