/** Lets at most so many in at once; the rest wait in the order they came. */
export interface Limiter {
  /** Resolves true when there is room. False when it is turned away before. */
  enter(): Promise<boolean>;
  /** To be called once by everyone who was let in. */
  leave(): void;
  readonly inside: number;
  readonly waiting: number;
  /** Turns away everyone who waits now. */
  turnAway(): void;
  /** Turns away everyone who waits, and all who come. */
  close(): void;
}

export function createLimiter(limit: number): Limiter {
  const queue: Array<(admitted: boolean) => void> = [];
  let head = 0;
  let inside = 0;
  let closed = false;

  function turnAway(): void {
    for (const refuse of queue.splice(head)) refuse(false);
    queue.length = 0;
    head = 0;
  }

  return {
    enter() {
      if (closed) return Promise.resolve(false);
      if (inside < limit) {
        inside++;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => queue.push(resolve));
    },
    leave() {
      const next = queue[head];
      if (next === undefined) {
        inside--;
        return;
      }
      head++;
      if (head === queue.length) {
        queue.length = 0;
        head = 0;
      }
      next(true);
    },
    get inside() {
      return inside;
    },
    get waiting() {
      return queue.length - head;
    },
    turnAway,
    close() {
      closed = true;
      turnAway();
    },
  };
}
