/**
 * A reporter for node:test: a line of JSON for each test that ended, with the names of what it stands in, and for a suite whose hook
 * failed, which is why its tests have not run.
 */
export default async function* report(events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { error } = data.details;
    if (data.details.type === 'suite' && error?.failureType !== 'hookFailed') continue;
    const result = {
      name: [...names.slice(0, data.nesting), data.name].join(': '),
      ...(error === undefined ? {} : { error: String(error.cause?.stack ?? error.cause ?? error.message) }),
      ...(data.skip === undefined ? {} : { skipped: String(data.skip) }),
    };
    yield `${JSON.stringify(result)}\n`;
  }
}
