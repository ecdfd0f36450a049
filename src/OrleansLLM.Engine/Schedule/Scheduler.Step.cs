namespace OrleansLLM.Engine;

/// <summary>What one step computes, of the sequences that run and those that wait.</summary>
internal sealed partial class Scheduler
{
    /// <summary>Fills the batch with what the next step computes.</summary>
    public void Schedule(Batch batch)
    {
        batch.Clear();
        _starting = 0;
        _step++;
        StartResumed();
        MakeWay();
        var (decoding, longOnes) = CountRunning();
        _share.Begin(Math.Min(_budget.Tokens, _options.MaxBatchedTokens - decoding), _budget.Tokens, longOnes);
        var outcome = ScheduleRunning(batch);
        if (outcome == Pressure.None && _swap.LeavingCount == 0)
        {
            Admit(batch);
        }

        FillUp(batch);
        if (outcome == Pressure.None && _swap.LeavingCount == 0)
        {
            AdmitWhole(batch);
        }

        _waiting.WantRooms();
    }

    /// <summary>
    /// A better priority that found no seat or no blocks takes them from a worse one that runs; so does a first answer from one that its caller asked for
    /// besides, while first answers have less than a quarter of the seats.
    /// </summary>
    private void MakeWay()
    {
        var isYielding = _swap.LeavingCount == 0;
        while (isYielding && FirstOf(_preemption.Next, _waiting.Next) is { } next && LacksPlace(next))
        {
            isYielding = _preemption.TryYieldTo(next.Priority) && _swap.LeavingCount == 0;
        }

        if (HaveFirstAnswersSeats && (_waiting.NextShortFirstAnswer ?? _waiting.NextLongFirstAnswer) is { } first && LacksPlace(first)
            && _swap.LeavingCount == 0)
        {
            _preemption.TryYieldToFirst(first.Priority);
        }
    }

    private bool HaveFirstAnswersSeats => _running.FirstAnswers < _options.MaxSequences / 4;

    private bool LacksPlace(Sequence sequence) =>
        _running.Count >= _options.MaxSequences || (sequence == _hungry && LacksBlocks(sequence));

    private bool LacksBlocks(Sequence sequence) =>
        _blocks.Pool.Free < _blocks.Shape.BlocksFor(Math.Min(sequence.Count, _budget.Tokens)) * _blocks.Shape.Groups.Count;

    private (int Decoding, int Long) CountRunning()
    {
        var (decoding, longOnes) = (0, 0);
        for (var i = 0; i < _running.Count; i++)
        {
            var need = _running[i].State == SequenceState.Running ? _running[i].Count - _running[i].Computed : 0;
            decoding += need == 1 ? 1 : 0;
            longOnes += _limits.IsLong(need) ? 1 : 0;
        }

        // One row is left for a prompt that runs, however few rows a step has.
        return (Math.Min(decoding, _options.MaxBatchedTokens - (decoding < _running.Count ? 1 : 0)), longOnes);
    }

    private Pressure ScheduleRunning(Batch batch)
    {
        var pressure = Pressure.None;
        var decodingRows = _options.MaxBatchedTokens - _share.Left;
        var waiting = FirstOf(_preemption.Next, _waiting.Next)?.Priority ?? int.MaxValue;
        for (var i = 0; i < _running.Count; i++)
        {
            var sequence = _running[i];
            var need = sequence.Count - sequence.Computed;
            var count = sequence.State != SequenceState.Running ? 0
                : need == 1 ? Math.Min(1, decodingRows)
                : sequence.Priority > waiting ? 0
                : _share.Grant(need);
            if (count == 0)
            {
                continue;
            }

            if (!_blocks.TryPrepare(sequence, count, batch.Copies))
            {
                pressure = Pressure.OutOfBlocks;
                if (!_preemption.TryMakeRoom(i, count, batch.Copies))
                {
                    continue;
                }
            }

            if (need == 1)
            {
                decodingRows--;
                AddToBatch(sequence, count, batch);
            }
            else
            {
                Take(sequence, count, need, batch);
            }
        }

        return pressure;
    }

    private void Admit(Batch batch)
    {
        _hungry = null;
        while (_share.Left > 0 && _running.Count + _starting < _options.MaxSequences)
        {
            var next = NextInLine();
            var admitted = next switch
            {
                null or { State: SequenceState.SwappingOut } => false,
                { State: SequenceState.Swapped } swapped => _preemption.TryReturn(swapped),
                var sequence => TryAdmit(sequence, batch),
            };
            if (!admitted)
            {
                return;
            }
        }
    }

    /// <summary>Short prompts have had what they need: long ones that fit into the rest delay nobody.</summary>
    private void AdmitWhole(Batch batch)
    {
        _share.EndShortOnes();
        while (_share.Left > 0 && _running.Count + _starting < _options.MaxSequences && _preemption.Next is null && _hungry is null
            && _waiting.NextLong is { } next && next.Count - _blocks.CountCached(next) <= _share.Left && TryAdmit(next, batch))
        {
        }
    }

    /// <summary>
    /// What is left of the step goes to prompts that it would leave unfinished, in their order; those that wait for a better priority get theirs
    /// here, too.
    /// </summary>
    private void FillUp(Batch batch)
    {
        for (var i = 0; i < _running.Count && _share.Left > 0 && _share.HasPlace; i++)
        {
            var sequence = _running[i];
            var need = sequence.Count - sequence.Computed;
            if (sequence.State == SequenceState.Running && need > 1 && sequence.Step != _step
                && _share.Grant(need) is var count and > 0 && _blocks.TryPrepare(sequence, count, batch.Copies))
            {
                Take(sequence, count, need, batch);
            }
        }

        for (var i = 0; i < _share.Partials.Count; i++)
        {
            var (sequence, count) = _share.Partials[i];
            var more = Math.Min(sequence.Count - sequence.Computed - count, _share.Left);
            if (more > 0 && _blocks.TryPrepare(sequence, count + more, batch.Copies))
            {
                _share.Extend(i, more);
            }

            AddToBatch(sequence, _share.Partials[i].Count, batch);
        }
    }

    private Sequence? NextInLine()
    {
        var waiting = _waiting.NextLong is { } next && next == _waiting.Next && _share.HasLongPlace ? next : _waiting.NextShort(_blocks);
        var inLine = FirstOf(_preemption.Next, waiting);
        var first = _waiting.NextShortFirstAnswer ?? (_share.HasLongPlace ? _waiting.NextLongFirstAnswer : null);
        return inLine is { IsFurther: true } && first?.Priority == inLine.Priority && HaveFirstAnswersSeats ? first : inLine;
    }

    private static Sequence? FirstOf(Sequence? pushedOut, Sequence? waiting) =>
        pushedOut is null || waiting?.Priority < pushedOut.Priority ? waiting : pushedOut;

    private bool TryAdmit(Sequence sequence, Batch batch)
    {
        sequence.MakeRoom();
        var cached = _blocks.Restore(sequence);
        var need = sequence.Count - sequence.Computed;
        var count = sequence.State == SequenceState.Preempted ? Math.Min(need, _share.Left) : _share.Grant(need);
        if (count == 0 || !_blocks.TryPrepare(sequence, count, batch.Copies))
        {
            _hungry = count == 0 ? null : sequence;
            _blocks.Free(sequence);
            return false;
        }

        if (sequence.State == SequenceState.Preempted)
        {
            _preemption.Remove(sequence);
        }
        else
        {
            _waiting.Remove(sequence);
            Admitted++;
        }

        if (sequence.CachedTokens < 0)
        {
            sequence.CachedTokens = Math.Min(cached, sequence.PromptLength);
            PrefixQueries += _options.PrefixCaching == PrefixCaching.On ? sequence.Count : 0;
            PrefixHits += cached;
        }

        Run(sequence);
        Take(sequence, count, need, batch);
        return true;
    }

    /// <summary>Unfinished prompts wait for what others leave of the step.</summary>
    private void Take(Sequence sequence, int count, int need, Batch batch)
    {
        sequence.Step = _step;
        _share.Take(sequence, count, need);
        if (count == need)
        {
            AddToBatch(sequence, count, batch);
        }
        else
        {
            sequence.Group?.WantRooms(_options.MaxSequences - _running.Count);
        }
    }

    private void AddToBatch(Sequence sequence, int count, Batch batch)
    {
        var group = sequence.Group;
        if (group is null || sequence.Computed + count < sequence.PromptLength)
        {
            batch.Add(sequence, count, []);
            return;
        }

        sequence.Group = null;
        group.Release(_resuming);
        var room = Math.Min(_options.MaxSequences - _running.Count - _starting, group.Followers.Count);
        for (var i = 0; i < group.Followers.Count; i++)
        {
            var follower = group.Followers[i];
            follower.Group = null;
            if (i < room)
            {
                follower.MakeRoom();
            }
            else
            {
                follower.SharePromptLogprobs(sequence);
                EnqueueAgain(follower);
            }
        }

        _starting += room;
        group.Followers.RemoveRange(room, group.Followers.Count - room);
        batch.Add(sequence, count, group.Followers);
    }

    private enum Pressure
    {
        None,
        OutOfBlocks,
    }
}
