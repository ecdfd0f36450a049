namespace OrleansLLM.Cluster.Tests;

public sealed class JournalMessageTests
{
    [Fact]
    public void A_journal_is_read_once_however_often_it_is_asked_for()
    {
        var request = new GenerationRequest { Id = new RequestId(1, 2), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 3 };
        var message = JournalMessage.From(Journal.Begin(request));

        Assert.Equal(request.PromptIds.ToArray(), message.Read().Request.PromptIds.ToArray());
        Assert.Same(message.Read(), message.Read());
    }
}
