// Drives a server with the unmodified openai client and prints what it got as one line of JSON: node openai.mjs URL MODEL
import OpenAI from "openai";

const [url, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is the capital of France?" }];
const result = {};

result.models = (await client.models.list()).data.map((card) => card.id);

const chat = await client.chat.completions.create({ model, messages, temperature: 0, logprobs: true, top_logprobs: 2 });
result.chat = chat.choices[0].message.content;
result.finish = chat.choices[0].finish_reason;
result.tokens = chat.choices[0].logprobs.content.map((entry) => entry.token);

result.streamed = "";
const stream = await client.chat.completions.create({ model, messages, temperature: 0, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  result.streamed += chunk.choices[0]?.delta?.content ?? "";
  result.usage = chunk.usage ?? result.usage;
}

const helper = client.chat.completions.stream({ model, messages, temperature: 0 });
result.helper = await helper.finalContent();

const completion = await client.completions.create({ model, prompt: "Hi", max_tokens: 2, temperature: 0 });
result.completion = completion.choices[0].text;

result.errors = [];
for (const wrong of [{ model: "no-such-model", messages }, { model, messages, n: 1000 }]) {
  try {
    await client.chat.completions.create(wrong);
  } catch (error) {
    result.errors.push([error.status, error.code, error.param, error.constructor.name, error.requestID !== undefined]);
  }
}

const leaving = await client.chat.completions.create({ model, messages, stream: true });
for await (const _ of leaving) {
  leaving.controller.abort();
  result.left = true;
}

console.log(JSON.stringify(result));
