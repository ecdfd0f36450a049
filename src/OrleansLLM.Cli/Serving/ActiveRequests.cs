using Microsoft.AspNetCore.Http;

namespace OrleansLLM.Cli.Serving;

/// <summary>Counts the requests that are being answered, so that a stop can wait for the last one.</summary>
internal sealed class ActiveRequests
{
    private readonly Lock _gate = new();
    private int _count;
    private TaskCompletionSource? _none;

    public async Task RunAsync(HttpContext context, RequestDelegate next)
    {
        Enter();
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Completes when none is left; requests that come meanwhile count too.</summary>
    public Task WhenNone()
    {
        lock (_gate)
        {
            if (_count == 0)
            {
                return Task.CompletedTask;
            }

            _none ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _none.Task;
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            _count++;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_count == 0)
            {
                _none?.SetResult();
                _none = null;
            }
        }
    }
}
