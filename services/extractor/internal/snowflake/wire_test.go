package snowflake_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	sf "github.com/snowflakedb/gosnowflake/v2"
)

// schemas runs a statement without binds by the driver alone, and gives the schema of each of its chunks.
func (r *rig) schemas(t *testing.T, text string) []*arrow.Schema {
	t.Helper()
	host, port, err := net.SplitHostPort(r.warehouse.Addr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(sf.NewConnector(sf.SnowflakeDriver{}, sf.Config{
		Protocol: "http", Host: host, Port: number, Account: "LOCAL", User: "EXPORTS", Password: "local", Database: "EXPORTS", Schema: "ANALYTICS",
	}))
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var schemas []*arrow.Schema
	if err := conn.Raw(func(raw any) error {
		streamer, _ := raw.(interface {
			QueryArrowStream(ctx context.Context, query string, bindings ...driver.NamedValue) (sf.ArrowStreamLoader, error)
		})
		loader, err := streamer.QueryArrowStream(t.Context(), text)
		if err != nil {
			return err
		}
		schemas, err = schemasOf(t.Context(), loader)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return schemas
}

func schemasOf(ctx context.Context, loader sf.ArrowStreamLoader) ([]*arrow.Schema, error) {
	batches, err := loader.GetBatches()
	if err != nil {
		return nil, err
	}
	var schemas []*arrow.Schema
	for i := range batches {
		body, err := batches[i].GetStream(ctx)
		if err != nil {
			return nil, err
		}
		reader, err := ipc.NewReader(body)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, reader.Schema())
		reader.Release()
		if err := body.Close(); err != nil {
			return nil, err
		}
	}
	return schemas, nil
}
