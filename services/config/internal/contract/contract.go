// Package contract spells what was agreed as a data contract: a document of the Open Data Contract Standard, which catalogs and
// people read that know nothing of us. The customer finds it in the bucket beside the drops.
//
// It owns the words of that document and is pure: the same revision, customer and Data Dictionary give the same bytes. It
// refuses a revision that does not fit the dictionary, and names neither scope values nor credentials. Start at Spell.
package contract

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

// standard is the version of the Open Data Contract Standard.
const standard = "v3.1.0"

// Agreement is what a contract is of.
type Agreement struct {
	ExportID string
	Revision *configv1.Revision
	Customer *configv1.Customer
	Words    *dictionary.Dictionary
}

// Spell gives the contract in YAML. Fault SCHEMA_MISMATCH when a table or column is not in the dictionary.
func Spell(of Agreement) (string, error) {
	a := agreed{of, rules.Complete(of.Revision.GetSpec(), of.Customer.GetExternalId())}
	tables, err := a.tables()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	out.WriteString("# What is delivered, how, and until when. Made from what was agreed; a change there changes it.\n")
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(a.document(tables)); err != nil {
		return "", fmt.Errorf("writing the contract of export %s: %w", a.ExportID, err)
	}
	return out.String(), e.Close()
}

// agreed is an agreement with what holds where it says nothing.
type agreed struct {
	Agreement
	spec *configv1.ExportSpec
}

func (a agreed) document(tables []table) document {
	return document{
		APIVersion: standard, Kind: "DataContract", ID: "urn:customer-exports:" + a.ExportID, Name: a.Customer.GetDisplayName() + ": " + a.ExportID,
		Version: fmt.Sprintf("%d.0.0", a.Revision.GetRevision()), Status: a.status(), Tenant: a.Customer.GetCustomerId(), DataProduct: a.ExportID,
		Description: description{
			Purpose:     "Whole tables as of one moment, with the rows of the agreed brands and locations, for " + a.Customer.GetDisplayName() + ".",
			Limitations: "No row outside the agreed scope and no column that identifies a person is delivered. Each drop holds all rows, not changes.",
			Usage:       "A drop is whole once its manifest is there. " + drop.LatestKey + " names the newest one; read the files that its manifest lists, and no others.",
		},
		Servers: []server{a.server()}, Tables: tables, SLA: a.sla(), Support: a.support(), Custom: a.custom(), Created: a.created(),
	}
}

// status is in the standard's words.
func (a agreed) status() string {
	switch a.Revision.GetState() {
	case configv1.RevisionState_REVISION_STATE_IN_FORCE:
		if a.spec.GetArchived() {
			return "retired"
		}
		return "active"
	case configv1.RevisionState_REVISION_STATE_PENDING:
		return "proposed"
	case configv1.RevisionState_REVISION_STATE_REPLACED:
		return "deprecated"
	default:
		return "retired"
	}
}

// created is when the revision was stored, in UTC.
func (a agreed) created() string {
	return a.Revision.GetCreateTime().AsTime().UTC().Format(time.RFC3339)
}

func (a agreed) custom() []custom {
	all := []custom{
		{"revision", a.Revision.GetRevision()},
		{"scopeDigest", a.Revision.GetScopeDigest()},
		{"dictionaryVersion", a.Words.Version},
		{"paused", a.spec.GetPaused()},
	}
	if date := a.spec.GetStartDate(); date != "" {
		all = append(all, custom{"startDate", date})
	}
	return all
}

// support is who hears of a drop that is missing or cannot be read.
func (a agreed) support() []support {
	all := make([]support, 0, len(a.Customer.GetContacts()))
	for _, c := range a.Customer.GetContacts() {
		all = append(all, support{
			Channel: c.GetName(), URL: "mailto:" + c.GetEmail(), Tool: "email", Scope: "issues",
			Description: "Told when a drop is missing, unreadable or at risk: " + severity(c.GetSeverity()) + " and above.",
		})
	}
	return all
}

func (a agreed) tables() ([]table, error) {
	var all []table
	for _, selected := range a.spec.GetTables() {
		columns := selected.GetColumns()
		if len(columns) == 0 {
			columns = nil // every column that is not personal
		}
		layout, err := a.Words.Layout(selected.GetTable(), columns)
		if err != nil {
			return nil, fault.Wrap(err, fault.State, fault.ReasonSchemaMismatch, "revision %d of export %s does not fit the Data Dictionary", a.Revision.GetRevision(), a.ExportID)
		}
		all = append(all, newTable(layout))
	}
	return all, nil
}
