/** The texts of the two documents that applications read, exactly as mint wrote them: compact JSON with its members in this order. */

export function userText(username: string, password: string): string {
  return JSON.stringify({ application_username: username, application_password: password });
}

/** @param secret null for a public client, which has none */
export function clientText(clientId: string, secret: string | null): string {
  return JSON.stringify({ client_id: clientId, client_secret: secret });
}
