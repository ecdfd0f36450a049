using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>A header a message; the role "refused" is refused. Keeps what it saw.</summary>
internal sealed class FakeTemplate : IChatTemplate
{
    public ChatInput? Last { get; private set; }

    public RenderedPrompt Render(ChatInput input)
    {
        Last = input;
        var text = new StringBuilder();
        var literal = new List<TextSpan>();
        for (var i = 0; i < input.Messages.Count; i++)
        {
            var message = (JsonObject)input.Messages[i]!;
            var role = message["role"]!.GetValue<string>();
            if (role == "refused")
            {
                throw new ChatTemplateException("this role is not for us");
            }

            var content = message["content"]?.GetValue<string>() ?? "";
            text.Append(role == "assistant" ? "<|assistant|>" : "<|user|>");
            literal.Add(new TextSpan(text.Length, content.Length));
            text.Append(content);
            text.Append(input.ContinueFinalMessage && i == input.Messages.Count - 1 ? "" : "<|end|>");
        }

        text.Append(input.AddGenerationPrompt ? "<|assistant|>" : "");
        return new RenderedPrompt(text.ToString(), literal);
    }
}
