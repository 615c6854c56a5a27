// The tables that lists read, as Kysely sees them on every database. migrations/ makes them and says what the columns
// mean.

export interface RunsTable {
  id: string;
  name: string;
  stage: string;
  phase: string;
  created: number;
  body: string;
}

export interface TasksTable extends RunsTable {
  run_id: string | null;
}

export interface JobsTable {
  id: string;
  name: string;
  stage: string;
  created: number;
  body: string;
}

export interface PipelinesTable {
  id: string;
  name: string;
  created: number;
  body: string;
}

export type SchedulesTable = PipelinesTable;

export interface MessagesTable {
  n: number;
  id: string;
  event: string;
  domain: string;
  namespace: string;
  aggregate_id: string;
  task_id: string | null;
}

export interface DeliveriesTable {
  id: string;
  /** `n` of the message. */
  message: number;
  kind: string;
  target: string;
  listener: string;
  action: string;
  user: string | null;
  state: string;
  tries: number;
  created: number;
  due_at: number;
  ended: number | null;
  error: string | null;
}

export interface SearchTermsTable {
  term: number;
  kind: string;
  facet: string;
  key: string;
  value: string;
  domain: string;
  namespace: string;
}

export interface SearchHitsTable {
  term: number;
  phase: string;
  created: number;
  id: string;
}

export interface Tables {
  runs: RunsTable;
  tasks: TasksTable;
  jobs: JobsTable;
  pipelines: PipelinesTable;
  schedules: SchedulesTable;
  messages: MessagesTable;
  deliveries: DeliveriesTable;
  search_terms: SearchTermsTable;
  search_hits: SearchHitsTable;
}
