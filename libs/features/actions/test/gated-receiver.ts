import { Dispatcher } from 'undici';

/** A mock of a receiver of requests behind an agent: what is posted arrives when its gate opens. */
export class GatedReceiver extends Dispatcher {
  readonly #arrive: (value: string) => Promise<unknown>;

  constructor(arrive: (value: string) => Promise<unknown>) {
    super();
    this.#arrive = arrive;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const controller = { abort: () => undefined, pause: () => undefined, resume: () => undefined } as never;
    const fail = (error: unknown) => handler.onResponseError?.(controller, error as Error);
    try {
      // The connection stands: the guard of the step, and then the request is out.
      handler.onRequestStart?.(controller, {});
    } catch (error) {
      fail(error);
      return true;
    }
    void this.#arrive(JSON.parse(String(options.body)).value).then(() => {
      handler.onResponseStart?.(controller, 200, {}, 'OK');
      handler.onResponseEnd?.(controller, {});
    }, fail);
    return true;
  }
}
