import type { App, Customer, IssuedLicence, Plan, TokenPair } from '@nm/kernel/contracts';
import request from 'supertest';

/** Client sends requests with one credential; without one when it is absent. */
export class Client {
  readonly #url: string;
  readonly #credential: string | undefined;

  constructor(url: string, credential?: string) {
    this.#url = url;
    this.#credential = credential;
  }

  as(credential: string): Client {
    return new Client(this.#url, credential);
  }

  send(method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, body?: object) {
    const sent = request(this.#url)[method](path);
    if (this.#credential !== undefined) sent.set('Authorization', `Bearer ${this.#credential}`);
    return body === undefined ? sent : sent.send(body);
  }

  get = (path: string) => this.send('get', path);
  post = (path: string, body?: object) => this.send('post', path, body);
  put = (path: string, body?: object) => this.send('put', path, body);
  patch = (path: string, body?: object) => this.send('patch', path, body);
  delete = (path: string) => this.send('delete', path);
}

export const password = 'correct horse battery';
export const versionSpec = { kind: 'container', command: ['node', 'server.js'] } as const;

/** signup makes a person with an organisation of the same name. */
export async function signup(anyone: Client, name: string): Promise<Client> {
  const org = { slug: name, name };
  const answer = await anyone
    .post('/v1/auth/signup', { email: `${name}@example.com`, password, name, org })
    .expect(201);
  return anyone.as((answer.body as TokenPair).accessToken);
}

export interface Publisher {
  readonly client: Client;
  readonly org: string;
  readonly app: App;
  readonly plan: Plan;
  readonly customer: Customer;
  readonly licence: IssuedLicence;
}

/** makePublisher makes, through the API, a publisher with the app `guestbook`, its version 1.0.0, a plan, a customer and a licence. */
export async function makePublisher(anyone: Client, org: string): Promise<Publisher> {
  const client = await signup(anyone, org);
  const at = `/v1/orgs/${org}`;
  const app: App = (await client.post(`${at}/apps`, { slug: 'guestbook', name: 'Guestbook' }).expect(201)).body;
  await client.post(`${at}/apps/guestbook/versions`, { name: '1.0.0', spec: versionSpec }).expect(201);
  await client.post(`${at}/apps/guestbook/versions/1.0.0/publish`).expect(200);
  const team = { slug: 'team', name: 'Team', entitlements: { seats: 5 }, limits: { installsMax: 3 } };
  const plan: Plan = (await client.post(`${at}/apps/guestbook/plans`, team).expect(201)).body;
  const customer: Customer = (await client.post(`${at}/customers`, { name: 'Initech' }).expect(201)).body;
  const body = { plan: 'team', customerId: customer.id };
  const licence: IssuedLicence = (await client.post(`${at}/apps/guestbook/licences`, body).expect(201)).body;
  return { client, org, app, plan, customer, licence };
}
