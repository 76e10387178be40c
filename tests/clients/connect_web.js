// Calls with @connectrpc/connect-web and grpc-web, whose schema comes from the gateway: see
// test_connect_web.py.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import {
  FileDescriptorSetSchema,
  MethodOptionsSchema,
  MethodOptions_IdempotencyLevel,
} from "@bufbuild/protobuf/wkt";
import { GrpcWebClientBase, MethodDescriptor, MethodType } from "grpc-web";

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

/** A call with Google's client, which sends and gets base64. Its errors are those of Connect's. */
function callInText(method, url, message, { headers, timeoutMs }) {
  const described = new MethodDescriptor(
    `/${method.parent.typeName}/${method.name}`,
    MethodType.UNARY,
    Object,
    Object,
    (request) => toBinary(method.input, request),
    (bytes) => fromBinary(method.output, bytes),
  );
  const client = new GrpcWebClientBase({ format: "text" });
  const deadline = timeoutMs === undefined ? {} : { deadline: `${Date.now() + timeoutMs}` };
  const path = url + described.name;
  return client.unaryCall(path, message, { ...headers, ...deadline }, described).catch((error) => {
    const trailers = new Headers({ ...error.metadata, "grpc-status": `${error.code}` });
    trailers.set("grpc-message", encodeURIComponent(error.message));
    throw findTrailerError(trailers);
  });
}

/** The answer as JSON, or the error: code, message and details, each with its bytes. */
export async function call({ transport, url, token, service, method, request, timeoutMs }) {
  const described = schema.getService(service);
  const found = described.methods.find((each) => each.name === method);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const sent = fromJson(found.input, request, { registry: schema });
  try {
    const options = { headers, timeoutMs };
    const make = TRANSPORTS[transport];
    const answer = make
      ? await createClient(described, make({ baseUrl: url }))[found.localName](sent, options)
      : await callInText(found, url, sent, options);
    return { answer: toJson(found.output, answer, { registry: schema }) };
  } catch (caught) {
    if (!(caught instanceof ConnectError)) throw caught;
    const details = caught.details.map(({ type, value }) => ({ type, value: [...value] }));
    return { code: Code[caught.code], message: caught.rawMessage, details };
  }
}
