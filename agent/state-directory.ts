/**
 * Where an agent keeps what outlives its process. systemd names a unit's state directories
 * in this variable, separated by colons (systemd.exec(5)).
 */
export function stateDirectory({ STATE_DIRECTORY: given }: NodeJS.ProcessEnv): string {
  return given?.split(":")[0] || ".watchpost-agent";
}
