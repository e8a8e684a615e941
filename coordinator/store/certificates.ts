import type { Postgres } from "./postgres.ts";

export interface CertificateStore {
  /**
   * Puts into the outbox, once per certificate and span, that a monitor's certificate
   * expires within so many days; of several regions' the one that expires first counts.
   * @param days ascending. The shortest span that fits is told, those before it no more.
   * @returns how much was new.
   */
  noticeExpiring(days: readonly number[]): Promise<number>;
}

export function createCertificateStore(postgres: Postgres): CertificateStore {
  return {
    async noticeExpiring(days) {
      const { rowCount } = await postgres.query(
        `INSERT INTO notices (id, at, event, monitor_id, content)
         SELECT 'cert-' || s.monitor_id || '-' || left(s.certificate, 16) || '-' || span.days, now(), 'certificate_expiring', s.monitor_id,
                jsonb_build_object('lines', jsonb_build_array('The certificate '
                  || CASE WHEN s.certificate_expires_at > now() THEN 'expires' ELSE 'expired' END || ' on '
                  || to_char(s.certificate_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'))
         FROM (SELECT DISTINCT ON (r.monitor_id) r.monitor_id, r.certificate, r.certificate_expires_at
               FROM monitor_region_status r JOIN monitors m ON m.id = r.monitor_id AND m.enabled
               WHERE r.certificate_expires_at < now() + make_interval(days => $2)
               ORDER BY r.monitor_id, r.certificate_expires_at) s
         CROSS JOIN LATERAL (SELECT min(d) AS days FROM unnest($1::integer[]) d
                             WHERE s.certificate_expires_at < now() + make_interval(days => d)) span
         ON CONFLICT DO NOTHING`,
        [days, Math.max(...days)],
      );
      return rowCount ?? 0;
    },
  };
}
