package obs

// Attribute keys of spans and of log lines. Ids belong here and never in the labels of a metric.
const (
	KeyService    = "service.name"
	KeyCustomerID = "customer.id"

	KeyExportID   = "export.id"
	KeyRevision   = "export.revision"
	KeyExportDate = "export.date"          // YYYY-MM-DD
	KeyDueTime    = "export.due_time"      // RFC 3339, UTC
	KeyAsOfTime   = "export.as_of"         // RFC 3339, UTC
	KeyDeadline   = "export.deadline"      // RFC 3339, UTC
	KeyRunID      = "export.run_id"        // one export on one export date
	KeyBy         = "export.superseded_by" // run of the same date whose drop took the place of another
	KeyRunState   = "export.run_state"     // as in the run's record
	KeyTable      = "export.table"         // name in the Data Dictionary
	KeyPart       = "export.part"          // index within the table, from 0
	KeyParts      = "export.parts"         // number of parts
	KeyTables     = "export.tables"        // number of tables
	KeyAttempt    = "export.attempt"       // number of the try, from 1
	KeyRows       = "export.rows"          // number of rows
	KeyBytes      = "export.bytes"         // number of bytes
	KeyBatches    = "export.batches"       // number of record batches
	KeyFile       = "export.file"          // object key
	KeyFiles      = "export.files"         // number of files
	KeyBucket     = "export.bucket"        // name of the customer's bucket

	// KeyFailedChecks holds the names of the checks of a destination that failed.
	KeyFailedChecks = "export.failed_checks"

	KeyTaskID    = "exports.task_id"
	KeyTaskKind  = "exports.task_kind" // measure, extract, commit, abort
	KeyWillRetry = "exports.will_retry"
	KeyInFlight  = "exports.in_flight" // number of tasks in the queue
	KeyWaiting   = "exports.waiting"   // number of tasks that wait to be queued
	KeyRules     = "exports.rules"     // caps, sizes and shares of the planner
	KeyReason    = "exports.reason"    // UPPER_SNAKE, as in pkg/fault
	KeyEventType = "exports.event_type"

	KeyVerdict     = "sla.verdict"
	KeyCondition   = "sla.condition"
	KeyPunctuality = "sla.punctuality"

	KeyQueryID = "snowflake.query_id"

	KeyMethod   = "rpc.method"
	KeyAddress  = "server.address" // host:port
	KeySubject  = "nats.subject"
	KeyStream   = "nats.stream"
	KeyConsumer = "nats.consumer"

	KeyError    = "error"
	KeyDuration = "duration"
	KeyDelay    = "delay"
	KeySpans    = "spans" // number of spans
	KeyStack    = "stack"
	KeyTraceID  = "trace_id" // added to every log line within a span
	KeySpanID   = "span_id"  // added to every log line within a span
)
