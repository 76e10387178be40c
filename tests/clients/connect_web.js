// Calls with @connectrpc/connect-web, whose schema comes from the gateway: see test_connect_web.py.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { create, createFileRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import {
  FileDescriptorSetSchema,
  MethodOptionsSchema,
  MethodOptions_IdempotencyLevel,
} from "@bufbuild/protobuf/wkt";

const TRANSPORTS = {
  "Connect, JSON": (options) => createConnectTransport(options),
  "Connect, proto": (options) => createConnectTransport({ ...options, useBinaryFormat: true }),
  "Connect, JSON, GET": (options) => createConnectTransport({ ...options, useHttpGet: true }),
  "Connect, proto, GET": (options) =>
    createConnectTransport({ ...options, useBinaryFormat: true, useHttpGet: true }),
  "gRPC-Web": (options) => createGrpcWebTransport(options),
};

const set = fromBinary(
  FileDescriptorSetSchema,
  new Uint8Array(await (await fetch("/cuebot.binpb")).arrayBuffer()),
);
// OpenCue's protos do not say what only reads, without which useHttpGet sends no GET.
for (const file of set.file)
  for (const service of file.service)
    for (const method of service.method)
      if (/^(Get|Find)/.test(method.name)) {
        const idempotencyLevel = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
        method.options = create(MethodOptionsSchema, { idempotencyLevel });
      }
const schema = createFileRegistry(set);

/** The answer as JSON, or the error: code, message and details, each with its bytes. */
export async function call({ transport, url, token, service, method, request, timeoutMs }) {
  const described = schema.getService(service);
  const client = createClient(described, TRANSPORTS[transport]({ baseUrl: url }));
  const { localName, input, output } = described.methods.find((each) => each.name === method);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  try {
    const sent = fromJson(input, request, { registry: schema });
    const answer = await client[localName](sent, { headers, timeoutMs });
    return { answer: toJson(output, answer, { registry: schema }) };
  } catch (caught) {
    if (!(caught instanceof ConnectError)) throw caught;
    const details = caught.details.map(({ type, value }) => ({ type, value: [...value] }));
    return { code: Code[caught.code], message: caught.rawMessage, details };
  }
}
