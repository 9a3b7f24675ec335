/** What can be wrong with this process, each with its name and reason. */

export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}
